using Stoa.Primitives;

namespace Stoa.Market.Builds;

/// <summary>What is stored under a digest.</summary>
public sealed record ContentDescriptor(ContentHash Digest, long SizeBytes);

/// <summary>Why content was not taken.</summary>
public enum ContentRefusal
{
    /// <summary>More bytes arrived than allowed.</summary>
    TooLarge,

    /// <summary>The bytes do not have the digest that was announced.</summary>
    DigestMismatch,

    /// <summary>The user has as many bytes here as one may have.</summary>
    StorageQuotaExceeded,

    /// <summary>What the user would have here then, or has, cannot be paid for an hour.</summary>
    StorageUnpaid,

    /// <summary>As many uploads of the user are under way at the node as one may have.</summary>
    UploadsTooMany,

    /// <summary>A task of the user that waits or runs has it as its input, or an agent of the user bids by it.</summary>
    ContentInUse,
}

/// <summary>Bytes under their SHA-256. What is stored is whole and verified: nothing is visible before its last byte was hashed and synced.</summary>
public interface IContentStore
{
    /// <summary>Streams bytes in. Content that is there already is accepted and stored once.</summary>
    /// <param name="source">Read to its end, or until it is too long.</param>
    /// <param name="expected">Refuse when the bytes have another digest; null when the digest is to be computed.</param>
    /// <param name="maxBytes">The most that is accepted.</param>
    /// <param name="cancellationToken">Leaves nothing behind.</param>
    /// <exception cref="NoRoomException">The disk is full; nothing is left behind.</exception>
    Task<Outcome<ContentDescriptor, ContentRefusal>> PutAsync(
        Stream source, ContentHash? expected, long maxBytes, CancellationToken cancellationToken);

    /// <summary>A seekable stream over the content, or null when it is not here. The caller disposes of it.</summary>
    Task<Stream?> OpenAsync(ContentHash digest, CancellationToken cancellationToken);

    Task<ContentDescriptor?> StatAsync(ContentHash digest, CancellationToken cancellationToken);

    /// <summary>Removes the content; true when it was there.</summary>
    Task<bool> DeleteAsync(ContentHash digest, CancellationToken cancellationToken);

    /// <summary>Removes the content unless it came, or came again, after a time.</summary>
    /// <param name="digest">Of the content.</param>
    /// <param name="putBefore">By the clock of the nodes.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Whether it is gone; true also when it was not there.</returns>
    Task<bool> DeleteAsync(ContentHash digest, DateTimeOffset putBefore, CancellationToken cancellationToken);
}
