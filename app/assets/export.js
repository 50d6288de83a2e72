// Saves `props.value` ({name, json, csv}) as files without asking the server again.
const KINDS = { json: "application/json", csv: "text/csv" };
const buttons = [...element.querySelectorAll("button")];

const ready = () => buttons.forEach((button) => { button.disabled = !props.value; });

buttons.forEach((button) =>
  button.addEventListener("click", () => {
    const kind = button.dataset.kind;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([props.value[kind]], { type: KINDS[kind] }));
    link.download = `${props.value.name}.${kind}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }));

watch("value", ready);
ready();
