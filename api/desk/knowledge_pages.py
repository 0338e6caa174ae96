"""The pages of questions, articles, imports, numbers, asking and triage."""

from api.desk import articles, asking, imports, numbers, questions, similar, triage

MEBIBYTE = 2**20
# What staff send is longer than any customer's message.
WIDER_BODIES = {
    "/desk/imports": 64 * MEBIBYTE,
    "/desk/articles": 2 * MEBIBYTE,
    "/desk/articles/preview": 2 * MEBIBYTE,
    **triage.WIDER_BODIES,
}
PARTS = (articles, asking, imports, numbers, questions, similar, triage)
