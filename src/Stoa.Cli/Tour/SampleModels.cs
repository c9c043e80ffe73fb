using System.Text.Json;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Tour;

/// <summary>A sample model: the manifest of its listing, and the program that it is.</summary>
/// <param name="ManifestPath">Of its <c>model.json</c>.</param>
/// <param name="ProgramPath">Beside it, with the model's name.</param>
/// <param name="Name">Of the model.</param>
/// <param name="Version">That the manifest lists.</param>
internal sealed record SampleModel(string ManifestPath, string ProgramPath, string Name, string Version);

/// <summary>The models under <c>samples/models/</c>, which a node serves out of the checkout.</summary>
internal static class SampleModels
{
    private const string Folder = "models";
    private const string ManifestFile = "model.json";

    // Behind whatever models the node's own options name.
    private const int FirstOption = 1_000;

    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    /// <summary>Those that there are.</summary>
    /// <exception cref="CommandFailure">A manifest says neither name nor version.</exception>
    public static IReadOnlyList<SampleModel> Find(string samples)
    {
        var folder = Path.Combine(samples, Folder);
        return Directory.Exists(folder)
            ? [.. Directory.EnumerateDirectories(folder).Select(one => Path.Combine(one, ManifestFile)).Where(File.Exists).Order(StringComparer.Ordinal).Select(Read)]
            : [];
    }

    /// <summary>What a node is told to serve them.</summary>
    /// <param name="models">Which.</param>
    /// <param name="publisher">Who will have listed them.</param>
    public static IEnumerable<string> Settings(IReadOnlyList<SampleModel> models, string publisher) => models.SelectMany((model, number) => (string[])
    [
        Format.Invariant($"inference:local:{FirstOption + number}:model={publisher}/{model.Name}@{model.Version}"),
        Format.Invariant($"inference:local:{FirstOption + number}:file={model.ProgramPath}"),
    ]);

    /// <summary>Lists them, and waits until the node serves them.</summary>
    /// <exception cref="CommandFailure">It does not; the message says why.</exception>
    public static async Task<IReadOnlyList<SampleModel>> ServeAsync(StoaClient client, IReadOnlyList<SampleModel> models, TimeProvider time, CancellationToken cancellationToken)
    {
        foreach (var model in models)
        {
            await using var program = File.OpenRead(model.ProgramPath);
            await client.UploadAsync(program, cancellationToken: cancellationToken);
            await client.PublishListingAsync(await File.ReadAllBytesAsync(model.ManifestPath, cancellationToken), cancellationToken);
        }

        var began = time.GetTimestamp();
        while (await FindIdleAsync(client, models, cancellationToken) is { } idle)
        {
            if (time.GetElapsedTime(began) > s_patience)
                throw new CommandFailure($"The node does not serve {idle.Model}: {idle.Local?.Reason ?? "it has not loaded it yet"}", ExitCode.Refused);
            await Task.Delay(s_look, time, cancellationToken);
        }

        return models;
    }

    /// <summary>One that does not run yet; null when all do.</summary>
    private static async Task<ReplicaResponse?> FindIdleAsync(StoaClient client, IReadOnlyList<SampleModel> models, CancellationToken cancellationToken)
    {
        const string running = "running";
        await foreach (var replica in client.ListReplicasAsync(cancellationToken))
        {
            if (replica.Local is { } local && local.State != running && models.Any(model => model.ProgramPath == local.File))
                return replica;
        }

        return null;
    }

    private static SampleModel Read(string manifestPath)
    {
        try
        {
            using var manifest = JsonDocument.Parse(File.ReadAllBytes(manifestPath));
            var name = manifest.RootElement.GetProperty("name").GetString()!;
            return new SampleModel(manifestPath, Path.Combine(Path.GetDirectoryName(manifestPath)!, name + ".wasm"), name, manifest.RootElement.GetProperty("version").GetString()!);
        }
        catch (Exception unreadable) when (unreadable is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new CommandFailure($"{manifestPath} is no manifest of a model: {unreadable.Message}");
        }
    }
}
