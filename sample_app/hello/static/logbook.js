// Times in the reader's own zone, and how much room a remark has left. Everything works without it.
const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
for (const time of document.querySelectorAll("time[datetime]")) {
  time.title = time.textContent;
  time.textContent = local.format(new Date(time.dateTime));
}

for (const field of document.querySelectorAll("[data-counted]")) {
  const hint = document.createElement("p");
  hint.className = "hint";
  const count = () => { hint.textContent = `${field.maxLength - field.value.length} characters left`; };
  field.addEventListener("input", count);
  field.after(hint);
  count();
}
