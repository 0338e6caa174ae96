import pytest

from agent.triage.errors import TriageError
from agent.triage.exports import recognise

HEADERS = {
    "Zendesk": ["ID", "Subject", "Description", "Requester", "Group", "Priority", "Type"],
    "Freshdesk": ["Ticket ID", "Subject", "Status", "Priority", "Source", "Type", "Agent"],
    "Intercom": ["Conversation ID", "Conversation started at", "First message", "Topic"],
    "Jira": ["Summary", "Issue key", "Issue Type", "Priority", "Description", "Comment", "Comment"],
    "Zammad": ["#", "Title", "Group", "Priority", "State", "Type"],
    "osTicket": ["Ticket Number", "Subject", "Help Topic", "Department"],
    "Chatwoot": ["Conversation ID", "Inbox Name", "First message", "Labels"],
    "table": ["ticket_id", "text", "category"],
}


@pytest.mark.parametrize(("name", "header"), HEADERS.items())
def test_an_export_is_recognised_by_its_header(name: str, header: list[str]) -> None:
    columns = recognise(header)
    assert columns.export == name
    assert columns.id in header
    assert set(columns.text) <= set(header)
    assert columns.text
    assert "category" in columns.labels


def test_what_is_given_comes_before_what_is_guessed() -> None:
    columns = recognise(["a", "b", "c", "text"], {"text": "b, c", "id": "a", "team": "c"})
    assert (columns.id, columns.text, columns.labels) == ("a", ("b", "c"), {"team": "c"})


def test_a_table_without_text_or_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(TriageError, match="there are: id, colour"):
        recognise(["id", "colour"])
    with pytest.raises(TriageError, match="no column 'words'"):
        recognise(["id", "text"], {"text": "words"})
