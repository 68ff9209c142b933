// Calls of the server: tokens are asked for where they are needed, and problems come as sentences.

import * as token from "./token.js";

const UNREACHABLE = "The server can't be reached. Is it still running?";

/** What went wrong, in a sentence for people; status is 0 where there was no answer. */
export class Problem extends Error {
  constructor(message, status = 0, requestId = "") {
    super(message);
    this.status = status;
    this.requestId = requestId;
  }
}

/** The JSON of an answer. Throws Problem, or AbortError if the signal says so. */
export async function call(path, { method = "GET", json, signal } = {}) {
  const sent = token.stored();
  const headers = authorization(sent);
  if (json !== undefined) headers["Content-Type"] = "application/json";
  const body = json === undefined ? undefined : JSON.stringify(json);
  let answer;
  try {
    answer = await fetch(path, { method, headers, body, signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(UNREACHABLE);
  }
  if (answer.status === 401) {
    await asked(sent);
    return call(path, { method, json, signal });
  }
  if (!answer.ok) throw problem(answer.status, await answer.text(), answer.headers.get("X-Request-Id"));
  try {
    return await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The answer was cut off, or is none of this server's. Try again.", answer.status);
  }
}

/** Another page of the server, as a blob: a link can't carry a token. Throws Problem. */
export async function page(path) {
  const sent = token.stored();
  const answer = await fetch(path, { headers: authorization(sent) }).catch(() => {
    throw new Problem(UNREACHABLE);
  });
  if (answer.ok) return answer.blob();
  throw problem(answer.status, await answer.text(), answer.headers.get("X-Request-Id"));
}

/**
 * Send a file; `progress` is told the share that has gone, and 1 when the server works on it.
 * Resolves to {blob, header(name)}. XMLHttpRequest, because fetch can't tell what it has sent.
 */
export async function upload(path, file, { progress = () => {}, signal } = {}) {
  const sent = token.stored();
  const answer = await exchanged(path, file, sent, progress, signal);
  if (answer.status === 401) {
    await asked(sent);
    return upload(path, file, { progress, signal });
  }
  const header = (name) => answer.getResponseHeader(name);
  if (answer.status !== 200) {
    throw problem(answer.status, await answer.response.text(), header("X-Request-Id"));
  }
  return { blob: answer.response, header };
}

function exchanged(path, file, sent, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.responseType = "blob";
    for (const [name, value] of Object.entries(authorization(sent))) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.upload.onload = () => progress(1);
    request.onload = () => resolve(request);
    request.onerror = () => reject(new Problem(`The file did not get through. ${UNREACHABLE}`));
    request.onabort = () => reject(new DOMException("", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    const form = new FormData();
    form.append("file", file);
    request.send(form);
  });
}

/** Ask for a token, unless another one was given since this call went out. */
async function asked(sent) {
  if (token.stored() !== sent) return;
  try {
    await token.ask();
  } catch (error) {
    throw new Problem(error.message, 401);
  }
}

function authorization(sent) {
  return sent === null ? {} : { Authorization: `Bearer ${sent}` };
}

function problem(status, text, requestId) {
  let detail;
  try {
    detail = JSON.parse(text).detail;
  } catch {
    // Something before the server has answered.
  }
  if (typeof detail !== "string") detail = `The server answered ${status}, and did not say why.`;
  return new Problem(detail, status, requestId ?? "");
}

token.showChange();
