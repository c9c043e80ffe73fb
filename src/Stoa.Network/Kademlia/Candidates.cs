using Stoa.Network.Addressing;
using Stoa.Primitives;

namespace Stoa.Network.Kademlia;

/// <summary>Whom a lookup has heard of, by distance, and whom of them it asks next.</summary>
/// <remarks>Nobody is asked twice. What answers bring is bounded a path, so that a liar fills no path but those that came to it.</remarks>
internal sealed class Candidates(KademliaKey target, PeerId self, int count, KademliaOptions options)
{
    // So many answers of each path's nearest are waited for, though other paths know nearer ones: liars of one path cannot end the others.
    private const int PathWidth = 3;
    private const int MaxHeardPerPath = 64;

    private readonly List<Candidate> _byDistance = [];
    private readonly Dictionary<PeerId, Candidate> _byPeer = [];
    private readonly Dictionary<AddressNetwork, int> _asked = [];
    private readonly int[] _active = new int[options.DisjointPaths];

    /// <summary>Requests whose answers may come in good time.</summary>
    public int Active => _active.Sum();

    /// <summary>The nearest that have answered, no more than were wanted.</summary>
    public IReadOnlyList<Candidate> Answered => [.. _byDistance.Where(candidate => candidate.State is CandidateState.Answered).Take(count)];

    /// <summary>Takes in a peer that is known here.</summary>
    /// <param name="peer">Whom.</param>
    /// <param name="isAlwaysAsked">Whether it is asked however many are nearer.</param>
    public void Start(PeerAddress peer, bool isAlwaysAsked)
    {
        Add(peer, _byPeer.Count % options.DisjointPaths, 1);
        if (isAlwaysAsked && _byPeer.TryGetValue(peer.Peer, out var candidate))
            candidate.IsAlwaysAsked = true;
    }

    /// <summary>Takes in what a peer answered.</summary>
    public void Hear(Candidate from, IEnumerable<PeerAddress> peers)
    {
        var limit = _byDistance.Where(candidate => candidate.State is not CandidateState.Failed).Skip(count - 1).FirstOrDefault()?.Distance;
        foreach (var peer in peers)
        {
            if (_byPeer.TryGetValue(peer.Peer, out var known))
            {
                // Who told first may have lied about where it is.
                if (known.State is CandidateState.Heard && (known.Peer.Addresses.Count < options.MaxAddresses || peer.Records.Count > 0))
                    Locate(known, known.Peer with { Addresses = [.. known.Peer.Addresses.Union(peer.Addresses).Take(options.MaxAddresses)], Records = Join(known.Peer.Records, peer.Records) });
                continue;
            }

            // Neither nearer than who tells of it, nor among the nearest so far: nothing that helps.
            var distance = target.DistanceTo(KademliaKey.Of(peer.Peer));
            if (peer.Peer != self && (distance.CompareTo(from.Distance) < 0 || limit is null || distance.CompareTo(limit.Value) < 0))
                Add(peer, from.Path, from.Depth + 1);
        }
    }

    /// <summary>Whom to ask next; null when the nearest were all asked.</summary>
    public Candidate? Next()
    {
        var (rank, limit) = (0, count + Spare());
        Span<int> ranks = stackalloc int[options.DisjointPaths];
        Candidate? next = null;
        foreach (var candidate in _byDistance)
        {
            if (candidate.State is CandidateState.Failed or CandidateState.Slow || (candidate.State is CandidateState.Heard && IsCrowded(candidate)))
                continue;
            if (candidate.State is CandidateState.Heard && (rank < limit || ranks[candidate.Path] < PathWidth || candidate.IsAlwaysAsked)
                && (next is null || _active[candidate.Path] < _active[next.Path]))
                next = candidate;
            rank++;
            ranks[candidate.Path]++;
        }

        return next;
    }

    public void Ask(Candidate candidate)
    {
        candidate.State = CandidateState.Asked;
        _active[candidate.Path]++;
        Tally(candidate, 1);
    }

    /// <summary>Its answer is late.</summary>
    public void Delay(Candidate candidate)
    {
        if (candidate.State is not CandidateState.Asked)
            return;
        candidate.State = CandidateState.Slow;
        _active[candidate.Path]--;
    }

    /// <summary>Its answer will not come.</summary>
    public void Fail(Candidate candidate)
    {
        Delay(candidate);
        candidate.State = CandidateState.Failed;
        Tally(candidate, -1);
    }

    /// <summary>Its answer has come, from an address.</summary>
    /// <returns>Whether it counts: there may be enough of the network in which it really is.</returns>
    public bool Answer(Candidate candidate, Multiaddr from)
    {
        Delay(candidate);
        Tally(candidate, -1);
        candidate.Networks = NetworksOf([from]);
        candidate.State = IsCrowded(candidate) ? CandidateState.Failed : CandidateState.Answered;
        if (candidate.State is CandidateState.Answered)
            Tally(candidate, 1);
        return candidate.State is CandidateState.Answered;
    }

    private void Add(PeerAddress peer, int path, int depth)
    {
        var candidate = new Candidate(peer, target.DistanceTo(KademliaKey.Of(peer.Peer)), path, depth);
        if (!_byPeer.TryAdd(peer.Peer, candidate))
            return;
        Locate(candidate, peer);
        var place = _byDistance.BinarySearch(candidate, Comparer<Candidate>.Create((left, right) => left.Distance.CompareTo(right.Distance)));
        _byDistance.Insert(place < 0 ? ~place : place, candidate);
        if (_byDistance.Count(other => other.Path == path && other.State is CandidateState.Heard) <= MaxHeardPerPath)
            return;
        // The farthest is forgotten; should it be told of again, it is as if for the first time.
        var last = _byDistance.FindLastIndex(other => other.Path == path && other.State is CandidateState.Heard);
        _byPeer.Remove(_byDistance[last].Peer.Peer);
        _byDistance.RemoveAt(last);
    }

    private static IReadOnlyList<ReadOnlyMemory<byte>> Join(IReadOnlyList<ReadOnlyMemory<byte>> known, IReadOnlyList<ReadOnlyMemory<byte>> told) => told.Count == 0
        ? known
        : [.. known.Concat(told.Where(record => !known.Any(other => other.Span.SequenceEqual(record.Span)))).Take(PeerAddress.MaxRecords)];

    private bool IsCrowded(Candidate candidate)
    {
        foreach (var network in candidate.Networks)
        {
            if (_asked.GetValueOrDefault(network) >= options.MaxPerNetworkInLookup)
                return true;
        }

        return false;
    }

    /// <summary>How many of those asked now will not answer, going by those asked before: so many more are asked, not one by one when each has been waited for.</summary>
    private int Spare()
    {
        var (answered, silent) = (0, 0);
        foreach (var candidate in _byDistance)
        {
            answered += candidate.State is CandidateState.Answered ? 1 : 0;
            silent += candidate.State is CandidateState.Failed or CandidateState.Slow ? 1 : 0;
        }

        return silent == 0 ? 0 : Active * silent / (answered + silent);
    }

    private void Locate(Candidate candidate, PeerAddress peer) => (candidate.Peer, candidate.Networks) = (peer, NetworksOf(peer.Addresses));

    private IReadOnlyList<AddressNetwork> NetworksOf(IReadOnlyList<Multiaddr> addresses) =>
        [.. addresses.Select(address => AddressNetwork.Of(address, options.AllowsPrivateAddresses)).OfType<AddressNetwork>().Distinct()];

    private void Tally(Candidate candidate, int by)
    {
        foreach (var network in candidate.Networks)
            _asked[network] = _asked.GetValueOrDefault(network) + by;
    }
}
