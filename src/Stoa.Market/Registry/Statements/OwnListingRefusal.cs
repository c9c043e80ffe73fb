namespace Stoa.Market.Registry.Statements;

/// <summary>Every reason for which nothing is said of a listing in its publisher's name.</summary>
public enum OwnListingRefusal
{
    /// <summary>The caller has listed nothing under this name, or not this version.</summary>
    OwnListingUnknown,

    /// <summary>What is to be used instead, or a listing goes on as or from, is nobody's listing that this node knows of, or the same one.</summary>
    SuccessorUnknown,
}
