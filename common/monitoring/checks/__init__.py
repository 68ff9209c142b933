"""What a window of messages shows about the model: a pure function for each question.

`suite` asks all checks of one window; each check has a module by its subject and answers with a
`finding`; `severity` makes one status of many; `catalogue` lists all checks with their titles.
Checks know nothing of each other, nor of files, incidents and people. They may import `evaluation`,
`models.base`, `models.text` and, for what earlier windows showed, `monitoring.history`.
"""
