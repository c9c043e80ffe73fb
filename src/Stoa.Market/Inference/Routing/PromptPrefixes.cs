using Stoa.Market.Registry.Replication;

namespace Stoa.Market.Inference.Routing;

/// <summary>Cuts prompts into blocks and hashes what they have up to the end of each.</summary>
/// <remarks>The key is the node's own, so that nobody can make prompts whose hashes meet.</remarks>
public static class PromptPrefixes
{
    /// <summary>Bytes of a block.</summary>
    public const int BlockBytes = 512;

    /// <summary>Only so many blocks of a prompt are looked at.</summary>
    public const int MostBlocks = 64;

    /// <summary>Hashes a prompt.</summary>
    /// <param name="prompt">Its bytes as they came; less than a block has no prefix that is worth remembering.</param>
    /// <param name="model">What tells its model from others.</param>
    /// <param name="key">The node's.</param>
    /// <returns>A hash for each whole block, of all up to its end.</returns>
    public static ulong[] Hash(ReadOnlySpan<byte> prompt, ulong model, SipKey key)
    {
        var count = Math.Min(prompt.Length / BlockBytes, MostBlocks);
        if (count == 0)
            return [];
        var hashes = new ulong[count];
        var before = model;
        for (var block = 0; block < count; block++)
        {
            before = SipHash.Of(key with { First = key.First ^ before }, prompt.Slice(block * BlockBytes, BlockBytes));
            // Nothing is an empty place of the index.
            hashes[block] = before == 0 ? 1 : before;
        }

        return hashes;
    }

    /// <summary>Hashes the name of a session.</summary>
    public static ulong HashSession(ReadOnlySpan<byte> session, ulong model, SipKey key) =>
        SipHash.Of(key with { Second = key.Second ^ model }, session) | 1;
}
