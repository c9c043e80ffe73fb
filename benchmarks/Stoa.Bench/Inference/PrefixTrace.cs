using System.Text;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Replication;
using Stoa.Primitives;

namespace Stoa.Bench.Inference;

/// <summary>What replicas have in their caches of prompts, by the node's routing and by turns, on the same conversations.</summary>
/// <remarks>
/// Many conversations go on side by side, each about a document of its own: one of a few instructions, the document, and all that was said stand in front of each new message, as clients of chat models send them. A replica keeps
/// the blocks that it has read last, as servers do (vLLM, llama.cpp); a block is a hit when its replica still has it.
/// </remarks>
internal static class PrefixTrace
{
    private const int Replicas = 8;
    private const int Conversations = 400;
    private const int Turns = 12;
    private const int Instructions = 20;
    private const int InstructionBytes = 1_024;
    private const int DocumentBytes = 6_144;
    private const int MessageBytes = 1_024;

    // A fifth of all that the conversations come to: a cache that holds everything needs no routing.
    private const int BlocksOfReplica = 3_000;
    private static readonly SipKey s_key = new(7, 9);

    /// <summary>Hits of the node's routing divided by those of round robin, and both as parts of all blocks.</summary>
    public static (double Ratio, double RoutedPercent, double TurnsPercent) Run()
    {
        var routed = Play((states, chooser, request) => chooser.TryEnter(states, [], request, 1_000_000)!.Value);
        var turn = 0;
        var turns = Play((states, _, request) => states[turn++ % Replicas].TryEnter(request.Tokens, 1_000_000)!.Value);
        return (routed.Hits / (double)turns.Hits, routed.Hits * 100.0 / routed.Blocks, turns.Hits * 100.0 / turns.Blocks);
    }

    private static (long Hits, long Blocks) Play(Func<IReadOnlyList<ReplicaState>, ReplicaChooser, RoutedRequest, ReplicaPlace> choose)
    {
        var random = new Random(17);
        var chooser = new ReplicaChooser(new PrefixIndex(1 << 16, 600), new Random(3));
        var model = new ReplicaModel(ListingName.Parse("bench/model@1.0.0"), null, ["chat"], null, null);
        List<ReplicaState> states =
        [
            .. Enumerable.Range(0, Replicas).Select(number => new ReplicaState(
                new Replica(new Id<Replica>(new Guid(number, 0, 0, new byte[8])), model, new Uri("http://127.0.0.1:1/v1"), "m", null, 1, 1_000, null, false, DateTimeOffset.UnixEpoch), (ushort)number, 0)),
        ];
        var caches = Enumerable.Range(0, Replicas).Select(_ => new LruSet(BlocksOfReplica)).ToList();
        var prompts = Enumerable.Range(0, Conversations).Select(_ => new StringBuilder(Text(new Random(random.Next(Instructions)), InstructionBytes)).Append(Text(random, DocumentBytes))).ToList();
        var under = new Queue<ReplicaPlace>();
        var (hits, blocks) = (0L, 0L);
        for (var turn = 0; turn < Turns; turn++)
        {
            foreach (var conversation in Enumerable.Range(0, Conversations).OrderBy(_ => random.Next()))
            {
                prompts[conversation].Append(Text(random, MessageBytes));
                var hashes = PromptPrefixes.Hash(Encoding.ASCII.GetBytes(prompts[conversation].ToString()), 1, s_key);
                var request = new RoutedRequest(prompts[conversation].Length / 4, hashes, 0, null);
                var place = choose(states, chooser, request);
                var slot = place.Replica.Slot;
                under.Enqueue(place);
                // So many are under way at once.
                if (under.Count > 32)
                    under.Dequeue().Leave(new RequestEnd(RequestEndKind.Served, 50, 500, 50, false), 1_000_000);
                var isHit = true;
                foreach (var hash in hashes)
                {
                    isHit &= caches[slot].Touch(hash);
                    hits += isHit ? 1 : 0;
                    blocks++;
                }
            }
        }

        return (hits, blocks);
    }

    private static string Text(Random random, int length) => string.Create(length, random, static (span, chance) =>
    {
        for (var index = 0; index < span.Length; index++)
            span[index] = (char)('a' + chance.Next(26));
    });

    private sealed class LruSet(int most)
    {
        private readonly Dictionary<ulong, LinkedListNode<ulong>> _places = [];
        private readonly LinkedList<ulong> _order = new();

        public bool Touch(ulong item)
        {
            if (_places.TryGetValue(item, out var place))
            {
                _order.Remove(place);
                _order.AddLast(place);
                return true;
            }

            if (_places.Count == most)
            {
                _places.Remove(_order.First!.Value);
                _order.RemoveFirst();
            }

            _places.Add(item, _order.AddLast(item));
            return false;
        }
    }
}
