"""SageMaker's resources that are records with rules, and nothing that runs."""
