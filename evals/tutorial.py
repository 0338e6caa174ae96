"""The usual tutorial, to stand beside the agent: LangChain, Chroma, one prompt with four chunks."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

from evals.errors import EvalError
from evals.loads import PATIENCE_S
from evals.suites import Case
from knowledge_base.articles import Article
from knowledge_base.embedding import Embedder

CHUNK, OVERLAP, CHUNKS = 1000, 200, 4
TOKENS = 256
SYSTEM = (
    "You are an assistant of {company} for question-answering tasks. Use the retrieved context to "
    "answer the question. If the context does not hold the answer, say that you don't know. Use "
    "three sentences at most and keep the answer concise.\n\n{context}"
)


class Tutorial:
    """A chain as newcomers build it; its model is a server that speaks OpenAI's form."""

    def __init__(self, articles: Sequence[Article], embedder: Embedder, url: str) -> None:
        try:
            from langchain_chroma import Chroma  # noqa: PLC0415 - it may be absent
            from langchain_core.documents import Document  # noqa: PLC0415 - as said above
            from langchain_core.prompts import ChatPromptTemplate  # noqa: PLC0415 - as said above
            from langchain_openai import ChatOpenAI  # noqa: PLC0415 - as said above
            from langchain_text_splitters import RecursiveCharacterTextSplitter  # noqa: PLC0415
        except ImportError as error:
            raise EvalError("The comparison needs LangChain: pip install '.[bench]'.") from error
        documents = [
            Document(article.text, metadata={"title": article.title}) for article in articles
        ]
        splitter = RecursiveCharacterTextSplitter(chunk_size=CHUNK, chunk_overlap=OVERLAP)
        self._store = Chroma(f"tutorial-{uuid4().hex}", _Embeddings(embedder))  # type: ignore[arg-type] # by its shape
        self._store.add_documents(splitter.split_documents(documents))
        prompt = ChatPromptTemplate.from_messages([("system", SYSTEM), ("human", "{question}")])
        model = ChatOpenAI(
            model="any",
            base_url=f"{url.rstrip('/')}/v1",
            api_key="none",  # type: ignore[arg-type] # a server of our own asks for none
            temperature=0,
            max_completion_tokens=TOKENS,
            timeout=PATIENCE_S,
            max_retries=0,
        )
        self._chain = prompt | model

    async def ask(self, case: Case, load: str) -> AsyncIterator[str]:
        """Yield an answer as it is written; the load's name is the company's."""
        found = await self._store.asimilarity_search(case.question, k=CHUNKS)
        told = {
            "company": load,
            "context": "\n\n".join(document.page_content for document in found),
            "question": case.question,
        }
        async for piece in self._chain.astream(told):
            if piece.content:
                yield str(piece.content)

    def close(self) -> None:
        """Forget what was indexed."""
        self._store.delete_collection()


@contextmanager
def open_tutorial(articles: Sequence[Article], embedder: Embedder, url: str) -> Iterator[Tutorial]:
    """Index articles for the tutorial's chain; raises EvalError without LangChain."""
    tutorial = Tutorial(articles, embedder, url)
    try:
        yield tutorial
    finally:
        tutorial.close()


class _Embeddings:
    """Our embedder as LangChain calls one: both sides find with the same model."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self._embedder.encode(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]
