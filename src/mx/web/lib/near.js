/*
 * near.js: is an element on the screen, or has it been close to it?
 *
 * For what is costly to draw and of which there are hundreds. What was drawn once stays.
 */
import { useEffect, useRef, useState } from 'preact/hooks';

const callbacks = new WeakMap();
const observer = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    observer.unobserve(entry.target);
    callbacks.get(entry.target)?.();
  }
}, { rootMargin: '800px' });

export function useNear() {
  const element = useRef(null);
  const [isNear, setNear] = useState(false);
  useEffect(() => {
    const target = element.current;
    callbacks.set(target, () => setNear(true));
    observer.observe(target);
    return () => observer.unobserve(target);
  }, []);
  return [element, isNear];
}
