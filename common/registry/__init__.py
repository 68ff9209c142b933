"""The only package that talks to MLflow: the store, runs, stored models, versions and aliases."""
