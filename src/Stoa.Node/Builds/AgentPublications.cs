using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Metering;
using Stoa.Node.Quotas;
using Stoa.Primitives;

namespace Stoa.Node.Builds;

/// <summary>Takes publications in. A program is held in memory until it is checked, so few come at a time, each for so long at most, and none before there is room for it in the content store.</summary>
public sealed class AgentPublications(
    IUserStore users, AgentPublisher publisher, UserUsages usages, SqlStorageFees storage, BuildsOptions options, TimeProvider time)
{
    // Part headers and boundaries around the manifest and the program.
    private const long MultipartOverheadBytes = 64 * 1024;
    private const long AroundProgramBytes = ManifestReader.MaxBytes + MultipartOverheadBytes;

    private readonly UploadSlots<Id<User>> _slots = new(options.MaxPublicationsPerUser, options.MaxPublications);

    /// <summary>The largest body that a publication has.</summary>
    public static long MaxBytes(BuildsOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.MaxProgramBytes + AroundProgramBytes;
    }

    /// <summary>Reads, checks and lists a version.</summary>
    /// <returns>The answer.</returns>
    public async Task<IResult> PublishAsync(HttpRequest request, Caller caller, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(caller);
        var length = request.ContentLength;
        if (length > MaxBytes(options))
            return RequestRefusal.PayloadTooLarge.ToProblem();
        using var slot = _slots.TryEnter(caller.UserId, out var isOwn);
        if (slot is null)
            return Busy(isOwn).ToProblem();
        // Before it is read it is not known how much of the body is the program: at least so much.
        if (!(await AdmitAsync(caller.UserId, length is { } all ? Math.Max(1, all - AroundProgramBytes) : null, cancellationToken)).TryGet(out var coming, out var unlikely))
            return unlikely.ToProblem();
        AgentUpload upload;
        using (coming)
        using (var late = new CancellationTokenSource(TimeSpan.FromSeconds(options.MaxPublicationSeconds), time))
        using (var stopped = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token))
        {
            try
            {
                if (!(await AgentUpload.ReadAsync(request, options.MaxProgramBytes, stopped.Token)).TryGet(out var read, out var unreadable))
                    return unreadable.ToProblem();
                upload = read;
            }
            catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                return RequestRefusal.RequestTimeout.ToProblem($"The publication did not arrive within {options.MaxPublicationSeconds} seconds; send it over a faster connection, or build a smaller program.");
            }
        }

        var user = await users.GetAsync(caller.UserId, cancellationToken);
        if (user is null)
            return RequestRefusal.Unauthenticated.ToProblem();
        if (!(await AdmitAsync(caller.UserId, upload.Program.Length, cancellationToken)).TryGet(out var room, out var refused))
            return refused.ToProblem();
        using var kept = room;
        var published = await publisher.PublishAsync(user, upload.Manifest, upload.Program, cancellationToken);
        return published.Match<IResult>(
            version => TypedResults.Created(
                $"/api/v1/agents/{version.Publisher}/{version.Manifest.Name}/{version.Manifest.Version}", Registry.ManifestBody.Of(version)),
            refusal => refusal.ToProblem());
    }

    /// <summary>Keeps room for a program that can be paid for.</summary>
    private async Task<Outcome<UserUsages.Room, ContentRefusal>> AdmitAsync(Id<User> user, long? bytes, CancellationToken cancellationToken)
    {
        if (!(await usages.ReserveAsync(user, bytes, options.MaxProgramBytes, cancellationToken)).TryGet(out var room, out var full))
            return full;
        try
        {
            if ((await storage.AdmitAsync(user, room, bytes, time.GetUtcNow(), cancellationToken)).Refusal is { } unpaid)
            {
                room.Dispose();
                return unpaid;
            }
        }
        catch
        {
            room.Dispose();
            throw;
        }

        return room;
    }

    private Refusal<PublishRefusal> Busy(bool isOwn) => isOwn
        ? new(PublishRefusal.PublicationsTooMany, $"{options.MaxPublicationsPerUser} publications of yours are under way at this node. Wait until one has been answered, and publish again.")
        : new(PublishRefusal.PublishingBusy, $"{options.MaxPublications} publications are under way at this node, which is as many as it takes. Wait a little, and publish again.");
}
