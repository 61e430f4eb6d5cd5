// The mail that a driver may write instead holds what was typed so far.
(() => {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("#dispute-mail");
    const form = document.getElementById("dispute");
    if (!link || !form) return;
    const given = new FormData(form);
    const word = form.querySelector("input[name=figure]:checked")?.parentElement.textContent ?? "";
    // Rows of the timeline say their time as the page shows it.
    const times = [...form.elements].filter((box) => box.name === "marked" && box.checked).map(said);
    const body = [
      form.dataset.mail, "",
      `Disputed (kWh, duration, cost or charger): ${word}`,
      `Expected: ${given.get("expected")}`,
      `Why: ${given.get("why")}`,
      `Meter timeline rows that look wrong: ${times.join(", ")}`,
    ].join("\n").replace(/\r?\n/g, "\r\n");
    const [address] = link.getAttribute("href").split("?");
    const subject = encodeURIComponent(`Session #${form.dataset.number}`);
    link.href = `${address}?subject=${subject}&body=${encodeURIComponent(body)}`;
  });

  const said = (box) => {
    const time = box.closest("tr, label")?.querySelector("time");
    return (time ?? box.closest("label"))?.textContent.trim() || box.value;
  };
})();
