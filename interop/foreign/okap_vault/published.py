"""`okap.vault` of PyPI in FastAPI, as its README mounts it, and the forwarding that it leaves to its host."""

import os

import httpx
import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from okap.models import AccessRequest
from okap.vault import MemoryStorage, OkapVault

app = FastAPI()
vault = OkapVault(storage=MemoryStorage(), base_url=os.environ["BASE_URL"])
vault.add_key("openai", os.environ["OPENAI_API_KEY"])
provider = httpx.AsyncClient(base_url=os.environ["OPENAI_BASE_URL"], timeout=10)


@app.post("/okap/request")
def handle_request(request: dict):
    return vault.approve_request(AccessRequest.model_validate(request))


@app.post("/v1/openai/{path:path}")
async def forward(path: str, request: Request):
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    key = vault.get_master_key_for_token(token)
    if key is None:
        raise HTTPException(401, "invalid token")
    sent = {"authorization": f"Bearer {key}", "content-type": request.headers.get("content-type", "")}
    answer = await provider.post(f"/v1/{path}", content=await request.body(), headers=sent)
    return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))


def serve():
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")


if __name__ == "__main__":
    serve()
