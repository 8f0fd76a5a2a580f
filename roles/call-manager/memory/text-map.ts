//! A map from texts to texts, outside of the heap. Pure.

import { isFirst, packed, unpacked } from './fields.ts'
import { TextIndex } from './text-index.ts'
import { Texts, type Place } from './texts.ts'

export class TextMap {
  #texts = new Texts()
  #index = this.#newIndex()

  get size(): number {
    return this.#index.size
  }

  get(key: string): string | undefined {
    const place = this.#index.get(key)
    return place === undefined ? undefined : unpacked(this.#texts.get(place))[1]
  }

  /** Key and value are bytes: one character is one of them. Neither is more than 64 KiB. */
  set(key: string, value: string): void {
    this.delete(key)
    this.#index.set(key, this.#texts.put(packed([key, value])))
  }

  delete(key: string): void {
    const place = this.#index.get(key)
    if (place === undefined) return
    this.#index.delete(key)
    this.#texts.drop(place)
  }

  clear(): void {
    this.#texts = new Texts()
    this.#index = this.#newIndex()
  }

  #newIndex(): TextIndex<Place> {
    return new TextIndex((place, key) => isFirst(this.#texts, place, key))
  }
}
