using System.Text.Json;
using Stoa.Llama.Engine;

namespace Stoa.Llama.Serving;

/// <summary>A model server as a process of its own, which another process has started and talks to over its standard streams.</summary>
/// <remarks>
/// llama.cpp ends its process when something in a file or in itself is not as it believes, so a node does not have it in its own.
/// The first line of standard input is the key that callers need; its end is the end of whoever has started this, and of this.
/// One line is written to standard output once requests are taken (<see cref="WorkerReady"/>); or one to standard error that says why not.
/// </remarks>
public static class Worker
{
    /// <summary>The model cannot be served: something has to be changed first, and starting again is no use.</summary>
    public const int CannotServe = 2;

    /// <summary>It has failed, and may be started again.</summary>
    public const int Failed = 3;

    /// <summary>How the command line of Stoa is asked for this, where it and this program are one file.</summary>
    public static IReadOnlyList<string> CommandOfStoa { get; } = ["model", "worker"];

    private const int LongestKey = 4_096;

    private static readonly TimeSpan s_longestStep = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_watching = TimeSpan.FromSeconds(5);

    /// <summary>Serves until standard input ends.</summary>
    /// <param name="arguments">See <see cref="ServingOptions.ToArguments"/>.</param>
    /// <param name="input">Standard input.</param>
    /// <param name="output">Standard output.</param>
    /// <param name="errors">Standard error.</param>
    /// <returns>The exit code: 0 when it was ended.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, TextReader input, TextWriter output, TextWriter errors)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(errors);
        var isServing = false;
        try
        {
            var options = ServingOptions.Read(arguments) with { Key = await input.ReadLineAsync() };
            if (options.Key is not { Length: > 0 and <= LongestKey })
                throw new ArgumentException("The first line of standard input is the key.");
            if (options.Validate().FirstOrDefault() is { } reason)
                throw new ArgumentException(reason);
            using var end = new CancellationTokenSource();
            // While the model is loaded, too, which may take minutes.
            _ = WatchAsync(input, end);
            await using var server = await ModelServer.StartAsync(options, TimeProvider.System, end.Token);
            await output.WriteLineAsync(JsonSerializer.Serialize(
                new WorkerReady(server.Address.AbsoluteUri, server.Description, server.ContextLength, server.Engine.Writes), WorkerJson.Default.WorkerReady));
            await output.FlushAsync();
            isServing = true;
            _ = WatchStepsAsync(server.Engine, errors, end.Token);
            await server.RunAsync(end.Token);
            return 0;
        }
        catch (Exception unfit) when (!isServing && unfit is LlamaException or ArgumentException or FormatException or OverflowException)
        {
            await errors.WriteLineAsync(unfit.Message);
            return CannotServe;
        }
        catch (OperationCanceledException)
        {
            return 0;
        }
        catch (Exception failure)
        {
            await errors.WriteLineAsync(failure.Message);
            return Failed;
        }
    }

    /// <summary>Ends the process when native code does not come back: whoever started it starts another.</summary>
    private static async Task WatchStepsAsync(LlamaEngine engine, TextWriter errors, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(s_watching);
        while (await timer.WaitForNextTickAsync(stop))
        {
            if (engine.StepTime < s_longestStep)
                continue;
            await errors.WriteLineAsync($"A step has taken longer than {s_longestStep.TotalSeconds} seconds.");
            Environment.Exit(Failed);
        }
    }

    private static async Task WatchAsync(TextReader input, CancellationTokenSource end)
    {
        // Reading of a pipe blocks its thread, and cannot be given up: this one is the process's last.
        await Task.Factory.StartNew(
            () =>
            {
                while (input.ReadLine() is not null)
                {
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await end.CancelAsync();
        // What cannot be stopped, such as the loading of a model, ends with the process.
        await Task.Delay(TimeSpan.FromSeconds(5));
        Environment.Exit(0);
    }
}

/// <summary>What a worker says when it takes requests.</summary>
/// <param name="Address">Of its API, such as http://127.0.0.1:41234/v1.</param>
/// <param name="Description">What llama.cpp says of the model.</param>
/// <param name="ContextLength">The most tokens that a sequence sees.</param>
/// <param name="Writes">Whether it writes answers, and not only embeds.</param>
public sealed record WorkerReady(string Address, string Description, int ContextLength, bool Writes);

/// <summary>Reads and writes what workers say.</summary>
[System.Text.Json.Serialization.JsonSerializable(typeof(WorkerReady))]
public sealed partial class WorkerJson : System.Text.Json.Serialization.JsonSerializerContext;
