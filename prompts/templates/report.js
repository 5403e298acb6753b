const player = new Audio(); let pressed = null;
const stop = () => { player.pause(); if (pressed) { pressed.textContent = '▶'; pressed.ariaPressed = 'false'; }
  pressed = null; };
player.onended = stop;
player.onerror = () => { stop(); say('This sound cannot be played: is the folder of sounds where it was?'); };
const say = text => document.getElementById('told').textContent = text;
document.addEventListener('click', event => {
  const button = event.target.closest('button[data-sound]');
  if (!button) return;
  const again = button === pressed; stop();
  if (again) return;
  pressed = button; button.textContent = '■'; button.ariaPressed = 'true';
  player.src = encodeURI(button.dataset.sound); player.play().catch(player.onerror);
});
const rows = [...document.querySelectorAll('tbody tr[data-voice]')];
const filter = () => {
  const word = document.getElementById('word').value.toLocaleLowerCase('tr');
  const only = document.getElementById('only').checked, bare = document.getElementById('bare').checked;
  let shown = 0;
  for (const row of rows) {
    row.hidden = !row.dataset.text.includes(word) || (only && row.dataset.voice === 'recorded')
      || (bare && row.dataset.slow === 'yes');
    shown += !row.hidden;
  }
  say(`${shown} of ${rows.length} prompts`);
};
for (const id of ['word', 'only', 'bare']) document.getElementById(id).addEventListener('input', filter);
filter();
