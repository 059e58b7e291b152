import wasmUrl from 'zxing-wasm/reader/zxing_reader.wasm?url';

/** Reads codes from the camera: by the browser's own detector, or by zxing in WebAssembly where it has none. */

type Read = (frame: HTMLCanvasElement) => Promise<string[]>;
const SIZE = 1280;
const PAUSE = 60; // ms between two looks, so that an old phone stays cool
const AGAIN = 2_500; // the same code is not told twice while it stays before the lens

interface Detector { detect: (source: HTMLCanvasElement) => Promise<{ rawValue: string }[]> }
type DetectorMaker = new (options: { formats: string[] }) => Detector;
const FORMATS = ['qr_code', 'code_128', 'code_39', 'data_matrix', 'ean_13', 'itf', 'codabar'];

async function reader(): Promise<Read> {
  const maker = (globalThis as { BarcodeDetector?: DetectorMaker & { getSupportedFormats: () => Promise<string[]> } }).BarcodeDetector;
  const known = maker === undefined ? [] : await maker.getSupportedFormats().catch(() => []);
  if (maker !== undefined && known.includes('qr_code') && known.includes('code_128')) {
    const detector = new maker({ formats: FORMATS.filter((format) => known.includes(format)) });
    return async (frame) => (await detector.detect(frame)).map((found) => found.rawValue);
  }
  const { prepareZXingModule, readBarcodes } = await import('zxing-wasm/reader');
  prepareZXingModule({ overrides: { locateFile: () => wasmUrl } });
  return async (frame) => {
    const image = frame.getContext('2d', { willReadFrequently: true })?.getImageData(0, 0, frame.width, frame.height);
    if (image === undefined) return [];
    return (await readBarcodes(image, { tryHarder: true, maxNumberOfSymbols: 2 })).filter((found) => found.isValid).map((found) => found.text);
  };
}

/** Shows the camera in `video` and calls `heard` with what it reads, until the signal ends it. Raises when there is no camera. */
export async function watch(video: HTMLVideoElement, heard: (text: string) => void, signal: AbortSignal): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: 'environment', width: { ideal: SIZE } } });
  const stop = (): void => { stream.getTracks().forEach((track) => { track.stop(); }); };
  signal.addEventListener('abort', stop);
  if (signal.aborted) { stop(); return; }
  video.srcObject = stream;
  await video.play();
  const read = await reader();
  const canvas = document.createElement('canvas');
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  const told = new Map<string, number>();
  const ended = (): boolean => signal.aborted;
  while (!ended() && pen !== null) {
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    if (canvas.width > 0) {
      pen.drawImage(video, 0, 0);
      for (const text of await read(canvas)) {
        if (performance.now() - (told.get(text) ?? -AGAIN) >= AGAIN && text !== '') heard(text);
        told.set(text, performance.now());
      }
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
