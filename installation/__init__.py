"""Makes `.venv`, step by step; the Makefile runs it before anything is installed.

Standard library only, for that reason. Each step leaves a stamp in `.venv/.stamps` once it has
succeeded; the stamp holds what the step was made from (a lock's hash, the processor's features),
so a step is repeated exactly when that has changed, and an interrupted run goes on at the step
it was in. docs/decisions/0001-dependencies.md says why the steps are as they are.
"""
