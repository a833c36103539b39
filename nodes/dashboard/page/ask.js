// Questions to the server. What it refuses is told in the language of the page.
import { said, t } from "/words.js";

// A browser's own words for a server that does not answer are in its language, not in the page's.
async function reach(path, options) {
  try { return await fetch(path, options); } catch (error) { throw error.name === "AbortError" ? error : new TypeError(t("no_answer"), { cause: error }); }
}

async function answer(response) {
  const kind = response.headers.get("content-type") || "";
  if (response.ok && kind.startsWith("image/")) return response.blob();
  const body = kind.includes("json") ? await response.json() : null;
  if (!response.ok) throw new Error(said(body?.told) || body?.problem || `${response.status}`);
  return body;
}

export const get = async (path, signal) => answer(await reach(path, { signal }));

export const post = async (path, body) =>
  answer(await reach(path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-wakuteka": "1" },
    body: JSON.stringify(body),
  }));

export const send = async (path, file) =>
  answer(await reach(path, {
    method: "POST",
    headers: { "content-type": "application/octet-stream", "x-wakuteka": "1" },
    body: file,
  }));

export const query = (values) => new URLSearchParams(Object.entries(values).filter(([, v]) => v !== "" && v !== null && v !== undefined)).toString();
