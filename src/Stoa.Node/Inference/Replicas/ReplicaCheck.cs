using Stoa.Market;
using Stoa.Market.Inference.Routing;
using Stoa.Node.Inference.Gateway;

namespace Stoa.Node.Inference.Replicas;

/// <summary>Asks a server that is to be registered whether it answers, and what its models are called.</summary>
/// <param name="upstreams">Asks.</param>
/// <param name="options">How long it may take.</param>
/// <param name="time">The clock.</param>
public sealed class ReplicaCheck(Upstreams upstreams, InferenceOptions options, TimeProvider time)
{
    private const int NamesTold = 20;
    private const int CharactersTold = 300;

    /// <summary>Finds out what the model is called there.</summary>
    /// <param name="address">Of the server's API.</param>
    /// <param name="key">That it is asked with; null for none.</param>
    /// <param name="wanted">The name that it should have; null for the only one that it has.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Outcome<string, ReplicaRefusal>> FindModelAsync(Uri address, string? key, string? wanted, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        IReadOnlyList<string> names;
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(options.HealthMs), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            names = await upstreams.ListModelsAsync(address, key, either.Token);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested && UpstreamException.Of(exception, patience.IsCancellationRequested) is { } failure)
        {
            return new Refusal<ReplicaRefusal>(
                ReplicaRefusal.ReplicaUnreachable,
                $"GET {address.AbsoluteUri.TrimEnd('/')}/models came to nothing: {Cut(failure.Message)} {(failure.Said.Length > 0 ? $"It said: {failure.Said} " : "")}The address is that of the server's OpenAI API with its version, such as http://127.0.0.1:8080/v1. With skipCheck it is registered without being asked.",
                [new FieldError("/address", "The address of a server that answers GET …/models is expected.")]);
        }

        if (wanted is null)
            return names.Count == 1 ? names[0] : Refuse(names, names.Count == 0 ? "It has no model." : $"It has {names.Count} models; say which one it is as upstreamModel:");
        return names.Contains(wanted, StringComparer.Ordinal) ? wanted : Refuse(names, $"It has no model '{wanted}'{(names.Count == 0 ? ", nor any other." : ", but these:")}");
    }

    private static Refusal<ReplicaRefusal> Refuse(IReadOnlyList<string> names, string reason)
    {
        var told = Cut(string.Join(", ", names.Take(NamesTold)), CharactersTold * 4) + (names.Count > NamesTold ? $", and {names.Count - NamesTold} more" : "");
        return new Refusal<ReplicaRefusal>(
            ReplicaRefusal.UpstreamModelUnknown, names.Count == 0 ? reason : $"{reason} {told}.", [new FieldError("/upstreamModel", "The name of a model that the server lists is expected.")]);
    }

    /// <summary>A text of a server, on one line and cut short.</summary>
    internal static string Cut(string text, int most = CharactersTold)
    {
        var line = string.Concat(text.Select(letter => char.IsControl(letter) ? ' ' : letter));
        return line.Length <= most ? line : line[..most] + "…";
    }
}
