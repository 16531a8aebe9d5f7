/**
 * A config file as a tree of elements, each knowing where it is written.
 *
 * @since 1.0.0
 */
import type { Place } from "./mistakes.ts"

/** A text or attribute value. */
export interface Text extends Place {
  /** As written, with `${env:...}` and `${file:...}` still in it: this form may be shown. */
  readonly written: string
  /** With them replaced. Not to be shown where it differs from `written`. */
  readonly value: string
  /** A mistake in it was noted already: its value means nothing. */
  readonly broken: boolean
}

export interface Attribute extends Text {
  readonly name: string
}

export interface Element extends Place {
  readonly name: string
  readonly attributes: ReadonlyArray<Attribute>
  readonly children: ReadonlyArray<Element>
  /** The text directly in it, without the white space around. */
  readonly text: Text
}

/** The attribute of this name, if it is there. */
export const attribute = (element: Element, name: string): Attribute | undefined =>
  element.attributes.find((candidate) => candidate.name === name)

/** The children of this name. */
export const childrenNamed = (element: Element | undefined, name: string): ReadonlyArray<Element> =>
  element === undefined ? [] : element.children.filter((child) => child.name === name)

/** True where part of the value came from the environment or another file. */
export const isReferenced = (text: Text): boolean => text.written !== text.value
