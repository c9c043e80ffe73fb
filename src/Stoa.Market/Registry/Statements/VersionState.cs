namespace Stoa.Market.Registry.Statements;

/// <summary>What became of a version that was listed. On the wire it is the name in lower case.</summary>
public enum VersionState
{
    /// <summary>It is to be had.</summary>
    Offered,

    /// <summary>Its publisher has withdrawn it: nobody should begin to use it.</summary>
    Withdrawn,

    /// <summary>Its publisher has signed two that say different things: neither is to be trusted.</summary>
    Contradicted,
}

/// <summary>The one rule of what is offered.</summary>
public static class VersionStates
{
    /// <summary>The state of a version. That it is deprecated changes nothing: it still works.</summary>
    /// <param name="listings">How many statements list it: what merging leaves, one or two.</param>
    /// <param name="isWithdrawn">Whether a withdrawal holds.</param>
    public static VersionState Of(int listings, bool isWithdrawn)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(listings, 1);
        return listings > 1 ? VersionState.Contradicted : isWithdrawn ? VersionState.Withdrawn : VersionState.Offered;
    }
}
