using System.Buffers;
using System.Text.Json;
using Stoa.Primitives;
using Stoa.Primitives.Sealing;
using Stoa.Wasm;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Market.Tasks;

/// <summary>A run whose input and output are sealed: plaintext is in the memory of the sandbox and of this, and nowhere else.</summary>
/// <remarks>
/// The same facts give the same output, and so the same sealed bytes: that is what a dispute compares. Other facts have another salt, and so
/// another key. What the program says of itself, its log and its progress, would be plaintext, and is thrown away.
/// </remarks>
internal static class SealedRun
{
    /// <summary>Runs a program; its outcome states digest and size of the sealed output where it completes.</summary>
    /// <param name="sandbox">Where.</param>
    /// <param name="program">The agent's module.</param>
    /// <param name="job">With what.</param>
    /// <param name="input">Its stdin: opened.</param>
    /// <param name="output">Takes the sealed output.</param>
    /// <param name="exchange">Of the input.</param>
    /// <param name="salt">Of <see cref="SaltOf"/>.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="IOException">The sealed output could not be written.</exception>
    public static AttemptOutcome Run(
        AgentSandbox sandbox, Module program, SandboxJob job, GuestInput input, Stream output, SealedExchange exchange, byte[] salt, CancellationToken cancellationToken)
    {
        using var hashed = new HashingStream(output);
        using var reply = exchange.SealReply(hashed, salt);
        // Nobody sees this progress: it ends with the run.
        switch (sandbox.Run(program, job, input, reply, new AttemptProgress(), cancellationToken))
        {
            case AttemptOutcome.Completed completed:
                reply.Complete();
                return new AttemptOutcome.Completed(hashed.GetHash(), completed.Usage, default);
            case AttemptOutcome.Failed failed:
                return new AttemptOutcome.Failed(failed.Failure with { Log = "" }, default);
            default:
                return new AttemptOutcome.Stopped(default);
        }
    }

    /// <summary>The salt of the output of an attempt: by all that the output depends on beside the input.</summary>
    public static byte[] SaltOf(SealedExchange exchange, Id<AgentTask> task, ContentHash artifact, SandboxJob job)
    {
        var facts = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(facts))
        {
            json.WriteStartArray();
            json.WriteStringValue(task.ToString());
            json.WriteStringValue(artifact.ToString());
            json.WriteNumberValue(job.Seed);
            json.WriteNumberValue(job.ClockMs);
            // Not the time: it ends a run, and has no part in what one that completes has written.
            json.WriteNumberValue(job.Limits.Fuel);
            json.WriteNumberValue(job.Limits.MemoryBytes);
            json.WriteNumberValue(job.Limits.OutputBytes);
            foreach (var parameter in job.Parameters)
            {
                json.WriteStringValue(parameter.Name);
                json.WriteStringValue(parameter.Value);
            }

            json.WriteEndArray();
        }

        return exchange.SaltOf(facts.WrittenSpan);
    }

    /// <summary>The size of an output as it is stored.</summary>
    public static long SizeOf(AgentTask task, long plainBytes) => task.Input.SealedTo is null ? plainBytes : SealedExchange.SizeOfReply(plainBytes);

    /// <summary>Opens an output as a whole: it was sealed a moment ago.</summary>
    public static async Task<ReadOnlyMemory<byte>> OpenAsync(SealedExchange exchange, ReadOnlyMemory<byte> reply)
    {
        await using var opened = await exchange.OpenReplyAsync(new MemoryStream(reply.ToArray(), writable: false), CancellationToken.None);
        using var plain = new MemoryStream();
        await opened.CopyToAsync(plain);
        return plain.GetBuffer().AsMemory(0, (int)plain.Length);
    }

    /// <summary>Of the reasons why an output does not fit only that they are: they may quote it.</summary>
    public static string Silence(SealedExchange? exchange, string reasons) =>
        exchange is null ? reasons : "Where is not told, for it is sealed.";
}
