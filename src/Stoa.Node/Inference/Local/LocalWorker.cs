using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using Stoa.Llama.Serving;

namespace Stoa.Node.Inference.Local;

/// <summary>A process that serves one model, from its start to its end. When the node ends, however that comes about, the process's input ends, and it with it.</summary>
internal sealed class LocalWorker : IAsyncDisposable
{
    private const int LinesKept = 20;
    private const int CharactersOfLine = 500;
    private const int KeyBytes = 32;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly Process _process;
    private readonly Queue<string> _said = [];
    private readonly Task _listening;

    private LocalWorker(Process process, string key)
    {
        (_process, Key) = (process, key);
        _listening = ListenAsync(process.StandardError);
    }

    /// <summary>That it is asked with.</summary>
    public string Key { get; }

    public int ProcessId => _process.Id;

    /// <summary>Whether it has ended since it cannot serve the file, and would not the next time either.</summary>
    public bool CannotServe => _process is { HasExited: true, ExitCode: Worker.CannotServe };

    /// <summary>What it wrote last, on one line and cut short.</summary>
    public string Said
    {
        get
        {
            lock (_said)
                return string.Join(' ', _said);
        }
    }

    /// <summary>Starts one.</summary>
    /// <exception cref="IOException">The program is not there, or cannot be started.</exception>
    public static async Task<LocalWorker> StartAsync(ServingOptions options, CancellationToken cancellationToken)
    {
        var command = Command();
        var start = new ProcessStartInfo(command[0], [.. command[1..], .. options.ToArguments()])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // What the node's own environment says of it, its keys among that, is nothing to a library that reads files of strangers.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("STOA", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception failure)
        {
            throw new IOException($"{command[0]} cannot be started: {failure.Message}", failure);
        }

        var worker = new LocalWorker(process, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(KeyBytes)));
        try
        {
            // Its key is among what only the two of them see.
            await process.StandardInput.WriteLineAsync(worker.Key.AsMemory(), cancellationToken);
            await process.StandardInput.FlushAsync(cancellationToken);
            return worker;
        }
        catch
        {
            await worker.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until it takes requests.</summary>
    /// <returns>Null when it has ended instead.</returns>
    public async Task<WorkerReady?> WaitUntilReadyAsync(CancellationToken cancellationToken)
    {
        var line = await _process.StandardOutput.ReadLineAsync(cancellationToken);
        if (line is not null)
            return JsonSerializer.Deserialize(line, WorkerJson.Default.WorkerReady);
        await WaitForEndAsync(cancellationToken);
        return null;
    }

    /// <summary>Waits until it has ended.</summary>
    public async Task WaitForEndAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        await _listening.WaitAsync(s_patience, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Ends it.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.StandardInput.Close();
            await _process.WaitForExitAsync(CancellationToken.None).WaitAsync(s_patience);
        }
        catch (Exception failure) when (failure is IOException or TimeoutException or InvalidOperationException)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        await _listening.WaitAsync(s_patience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _process.Dispose();
    }

    /// <summary>How the program of the worker is called: its own beside the node, or, where all is in one file, that file.</summary>
    private static string[] Command()
    {
        var program = Path.Combine(AppContext.BaseDirectory, "Stoa.Llama");
        var self = Environment.ProcessPath ?? "";
        if (File.Exists(program + ".dll"))
        {
            // By the host that has found its own runtime, so that no other one has to be looked for.
            if (Path.GetFileNameWithoutExtension(self) == "dotnet")
                return [self, program + ".dll"];
            var host = OperatingSystem.IsWindows() ? program + ".exe" : program;
            return File.Exists(host) ? [host] : throw new IOException($"There is no {host}: it belongs beside the node.");
        }

        return Path.GetFileNameWithoutExtension(self) == "stoa" ? [self, .. Worker.CommandOfStoa] : throw new IOException($"There is no {program}.dll: it belongs beside the node.");
    }

    private async Task ListenAsync(StreamReader errors)
    {
        while (await errors.ReadLineAsync() is { } line)
        {
            lock (_said)
            {
                _said.Enqueue(line.Length > CharactersOfLine ? line[..CharactersOfLine] : line);
                if (_said.Count > LinesKept)
                    _said.Dequeue();
            }
        }
    }
}
