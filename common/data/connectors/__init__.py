"""Sources of messages, fetched into a folder of Parquet files that train.py and predict.py read.

`base` says what a connector promises, `catalogue` lists them: `archive` reads a zip archive, also
one in parts, `query` a database, `api` an HTTP interface that `api_description` describes and
`api_client` talks to, `website` pages that `website_description` describes: `website_process`
starts `website_spider`, which reads them. `description` has what such files have in common.
`landing` writes the parts and keeps how far a source was fetched.

May import the rest of `data` and the ground. A connector knows no other one, nor the folder.
"""
