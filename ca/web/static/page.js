// Comfort only: every page does its work without this file.
"use strict";
document.querySelectorAll(".script").forEach((each) => { each.hidden = false; });
document.querySelectorAll("[data-copy]").forEach((button) => button.addEventListener("click", async () => {
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent + "\n");
  button.textContent = "Copied";
}));
document.querySelectorAll(".ticks").forEach((form) => form.addEventListener("change", () => form.requestSubmit()));
document.querySelectorAll("form[method=post]").forEach((form) => form.addEventListener("submit", (event) => {
  if (form.dataset.sent && !form.action.endsWith("/kit")) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  if (event.submitter) event.submitter.setAttribute("aria-disabled", "true");
}));
// what a page showed is not shown again by the back button once the session or sipca has ended
window.addEventListener("pageshow", (event) => { if (event.persisted) { document.body.hidden = true; location.reload(); } });
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
    try {
      const answer = await fetch("/account", {method: "POST", body: data});
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== asked || sign.dataset.sent) return;
      place(page);
    } finally {
      if (mine === asked) delete sign.dataset.stale;
    }
  };
  const place = (page) => {
    const fresh = page.getElementById("account") || page.getElementById("main");
    if (!page.getElementById("account")) {  // refused as a whole: say so where the account would be
      const said = document.getElementById("said");
      said.replaceChildren(...fresh.children);
      return;
    }
    const typed = document.getElementById("passphrase")?.value;
    const held = document.activeElement?.closest("#account") ? document.activeElement.id : "";
    document.getElementById("account").replaceWith(fresh);
    document.getElementById("crib").replaceWith(page.getElementById("crib"));
    for (const id of ["cn", "san"]) document.getElementById(id).value = page.getElementById(id).value;
    for (const name of ["replace_san"]) sign.elements[name].checked = page.querySelector(`[name=${name}]`).checked;
    const box = document.getElementById("passphrase");
    if (box && typed) box.value = typed;
    if (held) document.getElementById(held)?.focus();
  };
  const later = (event) => {
    if (["passphrase", "unlock"].includes(event.target.name) || event.target.type === "file") return;
    if (event.type === "input" && event.target.closest("#account")) { sign.dataset.stale = "1"; return; }
    if (event.type === "change" && !event.target.closest("#account")) return;
    sign.dataset.stale = "1";
    clearTimeout(timer); timer = setTimeout(show, event.type === "change" ? 0 : 300);
  };
  // the account is shown before anything is signed: a press after an edit shows it first
  sign.addEventListener("submit", (event) => {
    if (!sign.dataset.stale || !event.submitter?.formAction.endsWith("/sign")) return;
    event.preventDefault(); event.stopImmediatePropagation(); show();
  }, {capture: true});
  sign.addEventListener("input", later);
  sign.addEventListener("change", later);
  const take = async (files) => {
    sign.dataset.stale = "1";
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
