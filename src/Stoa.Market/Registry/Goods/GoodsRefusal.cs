namespace Stoa.Market.Registry.Goods;

/// <summary>Every reason for which a model, a template, a bundle or a dataset is not published, not withdrawn, or not handed out.</summary>
public enum GoodsRefusal
{
    /// <summary>The manifest is not JSON or breaks its rules; every reason is listed.</summary>
    GoodsInvalid,

    /// <summary>No such listing or version, or somebody else has published it.</summary>
    ListingNotYours,

    /// <summary>The publisher has listed something of another kind under this name.</summary>
    NameOfOtherKind,

    /// <summary>This version was published before with another manifest.</summary>
    ListingExists,

    /// <summary>What the manifest names by its digest is not the publisher's content at this node, or has another size.</summary>
    ContentNotYours,

    /// <summary>The publisher has listed as much as one may.</summary>
    ListingsTooMany,

    /// <summary>The reason of a withdrawal is too long, or not one line of text.</summary>
    ReasonInvalid,

    /// <summary>The version is withdrawn.</summary>
    ListingWithdrawn,

    /// <summary>The publisher has signed two of this version that say different things.</summary>
    ListingContradicted,

    /// <summary>The publisher keeps the bytes no more at this node.</summary>
    ListingContentGone,
}
