using Stoa.Primitives;

namespace Stoa.Node.Http;

/// <summary>The id for what a request makes. A repeated request gets the id of the first one, so that it makes the same thing again, not another.</summary>
/// <remarks>A parameter of endpoints that are <see cref="Idempotency.Idempotent{TBuilder}"/>.</remarks>
public sealed class MadeId
{
    internal MadeId(Guid uuid) => Uuid = uuid;

    /// <summary>UUID of version 7.</summary>
    public Guid Uuid { get; internal set; }

    /// <summary>The id, for the kind of thing that is made.</summary>
    public Id<T> For<T>()
        where T : IIdentified => new(Uuid);

    /// <summary>A fresh id, until the request is known to be a repetition.</summary>
    public static ValueTask<MadeId> BindAsync(HttpContext context)
    {
        var made = context.Features.Get<MadeId>() ?? new MadeId(context.RequestServices.GetRequiredService<IdSource>().NextUuid());
        context.Features.Set(made);
        return ValueTask.FromResult(made);
    }
}
