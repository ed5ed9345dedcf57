(() => {
  const tools = document.querySelector(".tools");
  if (!tools) return;
  const items = [...document.querySelectorAll(".item")];
  const words = tools.querySelector("input");
  const chips = [...tools.querySelectorAll("button")];
  const shown = tools.querySelector(".shown");
  const text = new Map(items.map((item) => [item, item.textContent.toLowerCase()]));
  const show = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kinds = chips.filter((chip) => chip.ariaPressed === "true").map((chip) => chip.dataset.kind);
    let count = 0;
    for (const item of items) {
      const fits = (kinds.length === 0 || kinds.includes(item.dataset.kind))
        && wanted.every((word) => text.get(item).includes(word));
      item.hidden = !fits;
      count += fits;
    }
    shown.textContent = `${count} of ${items.length}`;
  };
  words.addEventListener("input", show);
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.ariaPressed = String(chip.ariaPressed !== "true");
      show();
    });
  }
  document.addEventListener("click", (event) => {
    const req = event.target.closest(".req");
    if (!req) return;
    words.value = req.textContent;
    show();
    words.scrollIntoView({ block: "nearest" });
  });
  tools.hidden = false;
  show();
})();
