// Comfort only: every page does its work without this file.
"use strict";
document.querySelectorAll(".script").forEach((each) => { each.hidden = false; });
document.querySelectorAll("[data-copy]").forEach((button) => button.addEventListener("click", async () => {
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent + "\n");
  button.textContent = "Copied";
}));
document.querySelectorAll("form[method=post]").forEach((form) => form.addEventListener("submit", (event) => {
  if (form.dataset.sent && !form.action.endsWith("/kit")) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  if (event.submitter) event.submitter.setAttribute("aria-disabled", "true");
}));
window.addEventListener("pageshow", () => document.querySelectorAll("form").forEach((form) => {
  delete form.dataset.sent;
  form.querySelectorAll("[aria-disabled]").forEach((each) => each.removeAttribute("aria-disabled"));
}));
const sign = document.getElementById("sign");
if (sign) {
  let timer = 0, asked = 0;
  const show = async () => {
    const mine = ++asked;
    const data = new URLSearchParams(new FormData(sign));
    data.delete("passphrase"); data.delete("unlock");
    const answer = await fetch("/account", {method: "POST", body: data});
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("account");
    if (mine !== asked || !fresh || sign.dataset.sent) return;
    const typed = document.getElementById("passphrase")?.value;
    document.getElementById("account").replaceWith(fresh);
    const box = document.getElementById("passphrase");
    if (box && typed) box.value = typed;
  };
  const later = (event) => {
    if (["passphrase", "unlock"].includes(event.target.name)) return;
    clearTimeout(timer); timer = setTimeout(show, 300);
  };
  sign.addEventListener("input", later);
  const take = async (files) => {
    const place = document.getElementById("dropped");
    place.replaceChildren();
    for (const file of files) {
      const name = document.createElement("input");
      name.type = "hidden"; name.name = "file-name"; name.value = file.name;
      const text = document.createElement("textarea");
      text.hidden = true; text.name = "file-text";
      const octets = new Uint8Array(await file.arrayBuffer());
      text.value = octets[0] === 0x30
        ? "-----BEGIN CERTIFICATE REQUEST-----\n" + btoa(Array.from(octets, (o) => String.fromCharCode(o)).join("")).replace(/(.{64})/g, "$1\n") + "\n-----END CERTIFICATE REQUEST-----\n"
        : new TextDecoder().decode(octets);
      place.append(name, text);
    }
    const said = document.createElement("p");
    said.textContent = files.length + (files.length === 1 ? " file" : " files");
    place.append(said);
    show();
  };
  document.getElementById("files").addEventListener("change", (event) => { event.stopPropagation(); take(event.target.files); });
  sign.addEventListener("dragover", (event) => { event.preventDefault(); sign.classList.add("over"); });
  sign.addEventListener("dragleave", () => sign.classList.remove("over"));
  sign.addEventListener("drop", (event) => { event.preventDefault(); sign.classList.remove("over"); take(event.dataTransfer.files); });
}
