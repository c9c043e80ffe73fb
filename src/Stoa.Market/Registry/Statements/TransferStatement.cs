namespace Stoa.Market.Registry.Statements;

/// <summary>That a listing of the signer goes on under another publisher's key, or goes on another one's. Only both together mean something: nobody is given a listing that he does not want, nor takes one that he was not given.</summary>
/// <remarks>Keys cannot change hands, so a listing does not either: the old name leads to the new one.</remarks>
/// <param name="Name">The signer's listing.</param>
/// <param name="To">Where it goes on: with the new publisher's key, without a version; null for nowhere.</param>
/// <param name="From">What it goes on from, likewise; null for nothing. With neither, what was said is taken back.</param>
public sealed record TransferStatement(string Name, KeyedListing? To, KeyedListing? From) : StatementContent
{
    /// <inheritdoc/>
    public override StatementKind Kind => StatementKind.Transfer;

    /// <inheritdoc/>
    public override string Name { get; } = Name;
}
