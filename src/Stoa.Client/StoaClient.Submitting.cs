using System.Text.Json;
using Stoa.Client.Contracts;

namespace Stoa.Client;

/// <summary>The optional parts of a submission.</summary>
public sealed record SubmitOptions
{
    /// <summary>Named settings that the agent declares. Default: none.</summary>
    public IReadOnlyDictionary<string, string>? Parameters { get; init; }

    /// <summary>Less than the agent's own limits. Default: the agent's.</summary>
    public TaskLimitsBody? Limits { get; init; }

    /// <summary>Refuse when more than this would be held; decimal string in US dollars. Default: no limit but the wallet.</summary>
    public string? MaxPrice { get; init; }

    /// <summary>Only a node that stands in one of these may run it. Default: any node.</summary>
    public IReadOnlyList<string>? Regions { get; init; }

    /// <summary>How long the node holds the line for the end of the task. Default: not at all.</summary>
    public TimeSpan? Wait { get; init; }

    /// <summary>Names the submission, so that sending it twice makes one task. Default: a new one.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>Told of the bytes of an input that is uploaded. Default: nobody.</summary>
    public IProgress<TransferProgress>? UploadProgress { get; init; }
}

public sealed partial class StoaClient
{
    /// <summary>The largest input that travels inside the request, in bytes (1 MiB).</summary>
    public const int MaxInlineInputBytes = 1 << 20;

    /// <summary>Submits a text.</summary>
    public Task<TaskResponse> SubmitTextAsync(
        string agent, string input, SubmitOptions? options = null, CancellationToken cancellationToken = default) =>
        SubmitAsync(agent, new TaskInputBody(Text: input), options, cancellationToken);

    /// <summary>Submits a JSON value.</summary>
    public Task<TaskResponse> SubmitJsonAsync(
        string agent, JsonElement input, SubmitOptions? options = null, CancellationToken cancellationToken = default) =>
        SubmitAsync(agent, new TaskInputBody(Json: input), options, cancellationToken);

    /// <summary>Submits a file.</summary>
    public async Task<TaskResponse> SubmitFileAsync(
        string agent, string path, SubmitOptions? options = null, CancellationToken cancellationToken = default)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous | FileOptions.SequentialScan);
        return await SubmitAsync(agent, file, options, cancellationToken);
    }

    /// <summary>Submits what a stream gives from its position to its end: inside the request up to
    /// <see cref="MaxInlineInputBytes"/>, else uploaded first and named by its digest.</summary>
    public async Task<TaskResponse> SubmitAsync(
        string agent, Stream input, SubmitOptions? options = null, CancellationToken cancellationToken = default) =>
        await SubmitAsync(agent, await PrepareInputAsync(input, options?.UploadProgress, cancellationToken), options, cancellationToken);

    /// <summary>Turns bytes into an input: inline when they are few, uploaded when they are many.</summary>
    public async Task<TaskInputBody> PrepareInputAsync(
        Stream input, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (input.CanSeek && input.Length - input.Position > MaxInlineInputBytes)
            return new TaskInputBody(Digest: (await UploadAsync(input, progress, cancellationToken)).Digest);
        var head = new byte[MaxInlineInputBytes + 1];
        var length = await input.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellationToken);
        if (length <= MaxInlineInputBytes)
            return new TaskInputBody(Base64: Convert.ToBase64String(head, 0, length));
        await using var whole = new PrefixedStream(head, input);
        return new TaskInputBody(Digest: (await UploadAsync(whole, progress, cancellationToken)).Digest);
    }

    private Task<TaskResponse> SubmitAsync(
        string agent, TaskInputBody input, SubmitOptions? options, CancellationToken cancellationToken) =>
        SubmitAsync(
            new SubmitTaskRequest(agent, input, options?.Parameters, options?.Limits, options?.MaxPrice, Regions: options?.Regions),
            options?.Wait,
            options?.IdempotencyKey,
            cancellationToken);
}
