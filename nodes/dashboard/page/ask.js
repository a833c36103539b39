// Questions to the server.

async function answer(response) {
  const kind = response.headers.get("content-type") || "";
  if (response.ok && kind.startsWith("image/")) return response.blob();
  const body = kind.includes("json") ? await response.json() : null;
  if (!response.ok) throw new Error(body?.problem || `${response.status}`);
  return body;
}

export const get = async (path, signal) => answer(await fetch(path, { signal }));

export const post = async (path, body) =>
  answer(await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-wakuteka": "1" },
    body: JSON.stringify(body),
  }));

export const send = async (path, file) =>
  answer(await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/octet-stream", "x-wakuteka": "1" },
    body: file,
  }));

export const query = (values) => new URLSearchParams(Object.entries(values).filter(([, v]) => v !== "" && v !== null && v !== undefined)).toString();
