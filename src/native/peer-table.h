//! The far ends a hub has seen, by binary address: a datagram finds the number of its peer without
//! a string being made. Bounded: when full, the peer that was used least lately goes (CLOCK), never
//! one of the batch at hand. A flood of forged sources therefore throws out forged sources.

#pragma once

#include <stdint.h>
#include <string.h>

#include <vector>

namespace pbx {

/** Compared as bytes, so it has no padding and unused bytes are zero. */
struct PeerKey {
  uint8_t family;  // 4 or 6
  uint8_t unused;
  uint16_t port;   // network order
  uint32_t scope;  // IPv6 link-local interface
  uint32_t socket;
  uint8_t remote[16];
  uint8_t local[16];
};
static_assert(sizeof(PeerKey) == 44, "PeerKey is compared as bytes");

constexpr uint32_t kNone = 0xffffffffu;

class PeerTable {
 public:
  explicit PeerTable(uint32_t capacity) : capacity_(capacity), index_(64, kNone) {}

  const PeerKey& key(uint32_t slot) const { return peers_[slot].key; }
  bool live(uint32_t slot) const { return slot < peers_.size() && peers_[slot].used; }

  /** A batch begins: what it touches is not evicted until the next one. */
  void NewBatch() { batch_++; }

  /**
   * The slot of `key`; `*fresh` tells that it is new there (or replaced another). `received`: it
   * is of the batch at hand; of these there are fewer than half the capacity, so one can go.
   */
  uint32_t Intern(const PeerKey& key, bool received, bool* fresh) {
    const uint32_t hash = Hash(key);
    const uint32_t found = Find(key, hash);
    *fresh = found == kNone;
    if (!*fresh) {
      peers_[found].referenced = true;
      if (received) peers_[found].batch = batch_;
      return found;
    }
    const uint32_t slot = Take();
    Peer& peer = peers_[slot];
    peer.key = key;
    peer.hash = hash;
    peer.batch = received ? batch_ : batch_ - 1;
    peer.referenced = false;  // a source seen once is the first to go
    peer.used = true;
    Put(slot);
    Link(slot);
    return slot;
  }

  void Remove(uint32_t slot) {
    if (!live(slot)) return;
    Unput(slot);
    Unlink(slot);
    peers_[slot].used = false;
    free_.push_back(slot);
  }

  /** Forgets every peer of a closed socket. */
  void RemoveSocket(uint32_t socket) {
    while (socket < first_.size() && first_[socket] != kNone) Remove(first_[socket]);
  }

  /** True when a new peer would push out an old one. */
  bool full() const { return free_.empty() && peers_.size() >= capacity_; }

 private:
  struct Peer {
    PeerKey key;
    uint32_t hash;
    uint32_t batch;
    uint32_t previous, next;  // among the peers of one socket
    bool referenced;
    bool used;
  };

  static uint32_t Hash(const PeerKey& key) {
    uint32_t words[sizeof(PeerKey) / 4];
    memcpy(words, &key, sizeof key);
    uint64_t hash = 0x9e3779b97f4a7c15ull;
    for (uint32_t word : words) {
      hash = (hash ^ word) * 0xff51afd7ed558ccdull;
      hash ^= hash >> 32;
    }
    return static_cast<uint32_t>(hash);
  }

  uint32_t Find(const PeerKey& key, uint32_t hash) const {
    const uint32_t mask = static_cast<uint32_t>(index_.size()) - 1;
    for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
      const uint32_t slot = index_[at];
      if (slot == kNone) return kNone;
      const Peer& peer = peers_[slot];
      if (peer.hash == hash && memcmp(&peer.key, &key, sizeof key) == 0) return slot;
    }
  }

  uint32_t Take() {
    if (!free_.empty()) {
      const uint32_t slot = free_.back();
      free_.pop_back();
      return slot;
    }
    if (peers_.size() < capacity_) {
      peers_.push_back(Peer{});
      if (peers_.size() * 2 > index_.size()) Grow();
      return static_cast<uint32_t>(peers_.size() - 1);
    }
    for (;;) {
      hand_ = hand_ + 1 < peers_.size() ? hand_ + 1 : 0;
      Peer& peer = peers_[hand_];
      if (peer.batch == batch_) continue;
      if (peer.referenced) {
        peer.referenced = false;
        continue;
      }
      Unput(hand_);
      Unlink(hand_);
      return hand_;
    }
  }

  void Put(uint32_t slot) {
    const uint32_t mask = static_cast<uint32_t>(index_.size()) - 1;
    uint32_t at = peers_[slot].hash & mask;
    while (index_[at] != kNone) at = (at + 1) & mask;
    index_[at] = slot;
  }

  /** Takes a slot out of the index and closes the gap behind it (linear probing). */
  void Unput(uint32_t slot) {
    const uint32_t mask = static_cast<uint32_t>(index_.size()) - 1;
    uint32_t gap = peers_[slot].hash & mask;
    while (index_[gap] != slot) gap = (gap + 1) & mask;
    for (uint32_t at = (gap + 1) & mask; index_[at] != kNone; at = (at + 1) & mask) {
      const uint32_t home = peers_[index_[at]].hash & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      index_[gap] = index_[at];
      gap = at;
    }
    index_[gap] = kNone;
  }

  void Link(uint32_t slot) {
    Peer& peer = peers_[slot];
    const uint32_t socket = peer.key.socket;
    if (socket >= first_.size()) first_.resize(socket + 1, kNone);
    peer.previous = kNone;
    peer.next = first_[socket];
    if (peer.next != kNone) peers_[peer.next].previous = slot;
    first_[socket] = slot;
  }

  void Unlink(uint32_t slot) {
    const Peer& peer = peers_[slot];
    if (peer.next != kNone) peers_[peer.next].previous = peer.previous;
    if (peer.previous != kNone) peers_[peer.previous].next = peer.next;
    else first_[peer.key.socket] = peer.next;
  }

  void Grow() {
    index_.assign(index_.size() * 2, kNone);
    for (uint32_t slot = 0; slot + 1 < peers_.size(); slot++)
      if (peers_[slot].used) Put(slot);
  }

  const uint32_t capacity_;
  std::vector<Peer> peers_;
  std::vector<uint32_t> index_;  // open addressing, a power of two, at most half full
  std::vector<uint32_t> free_;
  std::vector<uint32_t> first_;  // of each socket, its newest peer
  uint32_t hand_ = 0;
  uint32_t batch_ = 1;
};

}  // namespace pbx
