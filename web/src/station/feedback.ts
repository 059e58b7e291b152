import { language } from './words';

/** What a sampler hears and feels without looking: good, look here, stop. Everything here may be missing on a phone. */

export type Tone = 'good' | 'full' | 'stop';

const NOTES: Record<Tone, readonly (readonly [number, number])[]> = { // hertz, seconds
  good: [[880, 0.09]],
  full: [[660, 0.12], [880, 0.12], [1175, 0.2]],
  stop: [[220, 0.28], [196, 0.34]],
};
const SHAKES: Record<Tone, number[]> = { good: [40], full: [60, 60, 60, 60, 160], stop: [300, 120, 300] };

let audio: AudioContext | null = null;
export const quiet = { sound: false, speech: false };

function sound(tone: Tone): void {
  if (quiet.sound || typeof AudioContext === 'undefined') return;
  audio ??= new AudioContext();
  let at = audio.currentTime;
  for (const [hertz, seconds] of NOTES[tone]) {
    const [note, volume] = [audio.createOscillator(), audio.createGain()];
    note.frequency.value = hertz;
    volume.gain.setValueAtTime(0.25, at);
    volume.gain.exponentialRampToValueAtTime(0.001, at + seconds);
    note.connect(volume).connect(audio.destination);
    note.start(at);
    note.stop(at + seconds);
    at += seconds;
  }
}

function speak(text: string): void {
  if (quiet.speech || text === '' || !('speechSynthesis' in globalThis)) return;
  speechSynthesis.cancel(); // the newest sentence is the one that matters
  const spoken = new SpeechSynthesisUtterance(text);
  spoken.lang = language.value;
  spoken.rate = 1.15;
  speechSynthesis.speak(spoken);
}

export function signal(tone: Tone, text = ''): void {
  try {
    sound(tone);
    if ('vibrate' in navigator) navigator.vibrate(SHAKES[tone]);
    speak(text);
  } catch {
    // a browser that forbids sound before the first touch: the screen still says it
  }
}
