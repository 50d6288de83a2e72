// Asks the server for the file of a button, and saves the one that comes.
element.addEventListener("click", (event) => {
  const kind = event.target.closest("button")?.dataset.kind;
  if (kind) trigger("save", { kind });
});

watch("value", () => {
  if (!props.value) return;
  const link = document.createElement("a");
  link.href = props.value.address;
  link.download = props.value.name;
  link.click();
});
