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

/// <summary>The payee's side of a hash chain: checks each new word against the last one, one SHA-256 a step.</summary>
/// <param name="commitment">Checked: <see cref="VoucherCheck.OpenChain"/>.</param>
public sealed class ChainReader(ChainCommitment commitment)
{
    /// <summary>The commitment that the words are of.</summary>
    public ChainCommitment Commitment { get; } = commitment ?? throw new ArgumentNullException(nameof(commitment));

    /// <summary>The highest index so far; 0 before the first word.</summary>
    public int Index { get; private set; }

    /// <summary>The word of that index.</summary>
    public ChainWord Word { get; private set; } = commitment.Anchor;

    /// <summary>What is owed in all by now.</summary>
    public Money Cumulative => Commitment.CumulativeAt(Index);

    /// <summary>Takes a word that is further from the anchor than the last.</summary>
    /// <returns>False, and nothing has changed, when it is not of this chain, or not further.</returns>
    public bool TryAdvance(int index, ChainWord word)
    {
        if (index <= Index || index > Commitment.Length || word.Towards(index - Index) != Word)
            return false;
        (Index, Word) = (index, word);
        return true;
    }
}
