// Copies a value with one press, where the browser lets us; and keeps what was ticked when a list
// is read again.
(() => {
  const show = () => {
    if (navigator.clipboard) for (const button of document.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    button.dataset.done = "";
    setTimeout(() => delete button.dataset.done, 2000);
    const told = document.createElement("div");
    told.className = "toast";
    told.dataset.tone = "ok";
    told.textContent = `Copied ${button.dataset.copy}`;
    document.getElementById("told")?.replaceChildren(told);
  });

  let ticked = new Set();
  const boxes = () => document.querySelectorAll("input[type=checkbox][name=marked]");
  document.addEventListener("htmx:beforeSwap", () => {
    for (const box of boxes()) ticked[box.checked ? "add" : "delete"](box.value);
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const box of boxes()) if (ticked.has(box.value)) box.checked = true;
    show();
  });

  show();
})();
