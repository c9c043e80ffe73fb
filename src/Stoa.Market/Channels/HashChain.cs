using Stoa.Primitives;

namespace Stoa.Market.Channels;

/// <summary>The payer's side of a hash chain: all its words, made from a seed that is used for this chain only.</summary>
/// <remarks>The last word is the seed. Who sees a word can make all those before it, and none after it.</remarks>
public sealed class HashChain
{
    private readonly ChainWord[] _words;

    /// <summary>Makes the words: as many SHA-256 as there are.</summary>
    /// <param name="seed">32 bytes of chance.</param>
    /// <param name="length">1 to <see cref="ChainCommitment.MaxLength"/>.</param>
    public HashChain(ChainWord seed, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, ChainCommitment.MaxLength);
        _words = new ChainWord[length + 1];
        _words[length] = seed;
        for (var index = length; index > 0; index--)
            _words[index - 1] = _words[index].Towards(1);
    }

    /// <summary>How many words there are beyond the anchor.</summary>
    public int Length => _words.Length - 1;

    /// <summary>Word 0, which the payer signs.</summary>
    public ChainWord Anchor => _words[0];

    /// <summary>A word.</summary>
    /// <param name="index">0 to <see cref="Length"/>.</param>
    public ChainWord this[int index] => _words[index];

    /// <summary>What the payer signs, once.</summary>
    public ChainCommitment Commit(ChannelTerms terms, Money paidBefore, Money unitPrice)
    {
        ArgumentNullException.ThrowIfNull(terms);
        return new ChainCommitment(terms.Channel, terms.Node, paidBefore, unitPrice, Length, Anchor);
    }
}
