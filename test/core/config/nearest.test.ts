import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nearest } from '../../../core/config/nearest.ts';

const KEYS = ['brokers', 'topics', 'topicPattern', 'maxBytes', 'ssl', 'sasl'];

test('a slip of the keyboard finds the key that was meant', () => {
  assert.equal(nearest('brokrs', KEYS), 'brokers');
  assert.equal(nearest('borkers', KEYS), 'brokers');
  assert.equal(nearest('topic', KEYS), 'topics');
  assert.equal(nearest('Topics', KEYS), 'topics');
});

test('another way to join words is the same key', () => {
  assert.equal(nearest('max_bytes', KEYS), 'maxBytes');
  assert.equal(nearest('topic-pattern', KEYS), 'topicPattern');
});

test('of two near keys the nearer one wins', () => {
  assert.equal(nearest('sas', KEYS), 'sasl');
  assert.equal(nearest('ssll', KEYS), 'ssl');
});

test('a word that is near to nothing has no suggestion', () => {
  assert.equal(nearest('compression', KEYS), undefined);
  assert.equal(nearest('x', KEYS), undefined);
  assert.equal(nearest('', KEYS), undefined);
});

test('a word among the candidates is its own suggestion', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1 }), fc.nat(), (words, index) => {
      const word = words[index % words.length] as string;
      const found = nearest(word, words) as string;
      const bare = (text: string) => text.toLowerCase().replaceAll(/[-_\s]/g, '');
      assert.equal(bare(found), bare(word));
    }),
  );
});
