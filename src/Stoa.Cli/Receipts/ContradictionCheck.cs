using Stoa.Client.Contracts;
using Stoa.Market.Registry.Statements;

namespace Stoa.Cli.Receipts;

/// <summary>Checks that a publisher has contradicted itself, as a node says.</summary>
internal static class ContradictionCheck
{
    /// <summary>What is wrong with a proof, in a sentence; null when it holds.</summary>
    /// <param name="listing">The version that it is asked for, <c>key/name@version</c>.</param>
    /// <param name="proof">What the node has answered.</param>
    public static string? FindFault(string listing, ContradictionProofResponse proof)
    {
        if (!KeyedListing.TryParse(listing, null, out var version) || version.Version is null)
            return "It is not the name of a version by its publisher's key.";
        return proof.Statements is [var first, var second] ? Contradiction.FindFault(version, first, second) : "Two statements were expected.";
    }
}
