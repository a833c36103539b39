// Files that are dropped: single ones, whole folders and zip archives; and how they come into a class.
import { get, query, send } from "/ask.js";
import { act } from "/acts.js";
import { say } from "/toast.js";
import { t, bytes, number } from "/words.js";

// Inside an archive: what is unpacked at most.
const ZIP_FILES = 5000;
const ZIP_BYTES = 2 ** 31;
let known;
export const limits = () => (known ??= get("/api/limits"));

// All files of a drop or a paste, each with its folder: {file, folder}. Hidden ones are left out.
export async function dropped(transfer) {
  const found = [];
  const entries = [...(transfer.items || [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return picked(transfer.files);
  const walk = async (entry, folder) => {
    if (entry.name.startsWith(".")) return;
    if (entry.isFile) found.push({ file: await new Promise((done, failed) => entry.file(done, failed)), folder });
    else {
      const reader = entry.createReader();
      // A reader gives a hundred at a time.
      for (;;) {
        const some = await new Promise((done, failed) => reader.readEntries(done, failed));
        if (!some.length) break;
        for (const one of some) await walk(one, entry.name);
      }
    }
  };
  for (const entry of entries) await walk(entry, "");
  return unpacked(found);
}

export const picked = async (files) => unpacked([...files].filter((file) => !file.name.startsWith(".")).map((file) => ({ file, folder: (file.webkitRelativePath || "").split("/").slice(-2, -1)[0] || "" })));

async function unpacked(all) {
  const found = [];
  for (const one of all) {
    if (!/\.zip$/i.test(one.file.name)) found.push(one);
    else found.push(...await unzipped(one.file));
  }
  return found;
}

// Entries of a zip archive (APPNOTE 6.3.10: end of central directory, central directory, local headers), stored or deflated.
async function unzipped(archive) {
  const view = new DataView(await archive.arrayBuffer());
  let end = view.byteLength - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1;
  if (end < 0) throw new Error(t("zip_broken", { name: archive.name }));
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (count === 0xffff || at === 0xffffffff || count > ZIP_FILES) throw new Error(t("zip_large", { name: archive.name, n: number(ZIP_FILES) }));
  const found = [];
  let total = 0;
  for (let n = 0; n < count; n += 1) {
    if (view.getUint32(at, true) !== 0x02014b50) throw new Error(t("zip_broken", { name: archive.name }));
    const [method, packed, size] = [view.getUint16(at + 10, true), view.getUint32(at + 20, true), view.getUint32(at + 24, true)];
    const [nameLength, extra, comment, local] = [view.getUint16(at + 28, true), view.getUint16(at + 30, true), view.getUint16(at + 32, true), view.getUint32(at + 42, true)];
    const path = new TextDecoder().decode(new Uint8Array(view.buffer, at + 46, nameLength));
    at += 46 + nameLength + extra + comment;
    const parts = path.split("/");
    const file = parts.pop();
    if (!file || file.startsWith(".") || parts.some((part) => part.startsWith(".") || part === "__MACOSX") || ![0, 8].includes(method)) continue;
    total += size;
    if (total > ZIP_BYTES) throw new Error(t("zip_large", { name: archive.name, n: number(ZIP_FILES) }));
    const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const content = new Blob([new Uint8Array(view.buffer, from, packed)]);
    const blob = method ? await new Response(content.stream().pipeThrough(new DecompressionStream("deflate-raw"))).blob() : content;
    found.push({ file: new File([blob], file), folder: parts.at(-1) || "" });
  }
  return found;
}

// Lays files into photos/<class>/, as one step that one press takes back. of(one) names the class of a file; none leaves it out.
export async function upload(all, of, progress = () => {}) {
  const { max_bytes: maxBytes, max_files: maxFiles } = await limits();
  const wanted = all.map((one) => ({ ...one, label: of(one) })).filter((one) => one.label);
  const some = wanted.filter((one) => one.file.size <= maxBytes).slice(0, maxFiles);
  if (!some.length) { say(all.length ? t("upload_none") : t("upload_nothing"), true); return null; }
  const batch = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
  const acts = [];
  try {
    for (const [n, { file, label }] of some.entries()) {
      progress(n, some.length);
      const { path } = await send(`/api/upload?${query({ batch, name: file.name })}`, file);
      acts.push({ label: { path, class: label } });
    }
  } catch (error) { say(error.message, true); }
  progress(some.length, some.length);
  if (!acts.length) return null;
  const done = await act(acts, (n) => t("done_added", { n: number(n), to: [...new Set(some.map((one) => one.label))].join(t("comma")) }));
  if (some.length < wanted.length) say(t("upload_left", { n: number(wanted.length - some.length), size: bytes(maxBytes), count: number(maxFiles) }), true);
  return done;
}

// An element that takes drops: take(all) gets the files.
export function takesDrops(element, take) {
  const over = (event) => { if (![...(event.dataTransfer?.types || [])].includes("Files")) return; event.preventDefault(); event.stopPropagation(); element.classList.toggle("over", event.type === "dragover"); };
  element.addEventListener("dragover", over);
  element.addEventListener("dragleave", over);
  element.addEventListener("drop", async (event) => {
    over(event);
    element.classList.remove("over");
    try { await take(await dropped(event.dataTransfer)); } catch (error) { say(error.message, true); }
  });
}
