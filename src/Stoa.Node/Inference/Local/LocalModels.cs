using Stoa.Market.Inference.Routing;
using Stoa.Node.Hosting;
using Stoa.Node.Inference.Programs;
using Stoa.Node.Inference.Replicas;
using Stoa.Node.Registry.Discovery;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Local;

/// <summary>Runs the models that the node's options name, each in a process of its own, or in the sandbox where it is a program. Whatever becomes of one, the node stays up.</summary>
/// <param name="options">Which, and where llama.cpp's libraries are.</param>
/// <param name="node">Where it stands.</param>
/// <param name="database">The cell's.</param>
/// <param name="programs">Has requests find those that are programs.</param>
/// <param name="models">What is listed.</param>
/// <param name="digests">Of files.</param>
/// <param name="replicas">Is told how they are doing.</param>
/// <param name="directory">Has requests find them.</param>
/// <param name="fleets">Has what is measured of them.</param>
/// <param name="ids">Makes ids.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Of what does not run.</param>
public sealed class LocalModels(
    InferenceOptions options, NodeOptions node, Database database, ModelPrograms programs, ListedModels models, FileDigests digests, LocalReplicas replicas, ReplicaDirectory directory, ModelFleets fleets, IdSource ids, TimeProvider time,
    ILogger<LocalModels> logger) : BackgroundService
{
    /// <summary>The most models of a node.</summary>
    public const int MostModels = 32;

    /// <summary>Where the folder of the libraries is said for the node and for commands alike.</summary>
    private const string LibraryVariable = "STOA_LLAMA_LIBRARY";

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var parts = new LocalModelParts(
            options.LlamaLibrary ?? Environment.GetEnvironmentVariable(LibraryVariable), programs, options.MaxAnswerBytes, node.Region, models, database.GetSignal(SqlListingChanges.Topic), digests, replicas, directory, fleets, time, logger);
        return Task.WhenAll(options.Local.Select(one => RunAsync(new LocalModel(new Id<Replica>(ids.NextUuid()), one, parts), one, stoppingToken)));
    }

    private async Task RunAsync(LocalModel model, LocalModelOptions one, CancellationToken stoppingToken)
    {
        try
        {
            await model.RunAsync(stoppingToken);
        }
        catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
        {
            logger.LogError(failure, "The model {Model} does not run at this node any more.", one.Model);
        }
    }
}
