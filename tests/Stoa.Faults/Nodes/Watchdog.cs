using System.Diagnostics;
using System.Globalization;

namespace Stoa.Faults.Nodes;

/// <summary>A shell that outlives this process by a moment and takes away what it would leave behind: the pipe between them closes however this one ends.</summary>
internal sealed class Watchdog : IAsyncDisposable
{
    // Signals go to all of a terminal's processes, and this one has work to do after them. A line each: "+ PID" and "- PID" of processes, "at-end COMMAND" of the rest, which is done in the reverse order.
    private const string Script = """
        trap '' INT TERM HUP
        pids=""; script=""
        while read -r word rest; do
          case $word in
            +) pids="$pids $rest " ;;
            -) pids=$(printf '%s' "$pids" | sed "s/ $rest / /") ;;
            at-end) script="$rest; $script" ;;
          esac
        done
        [ -z "${pids# }" ] || kill -9 $pids 2>/dev/null
        cd /; eval "$script" >/dev/null 2>&1
        """;

    private readonly Lock _gate = new();
    private readonly Process _shell;

    public Watchdog() => _shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", Script]) { RedirectStandardInput = true })!;

    /// <summary>A process that was started.</summary>
    public void Watch(Process process) => Write("+ " + process.Id.ToString(CultureInfo.InvariantCulture));

    /// <summary>A process that has ended: its id may soon be another's.</summary>
    public void Forget(Process process) => Write("- " + process.Id.ToString(CultureInfo.InvariantCulture));

    /// <summary>A command for the end, before those that were given earlier.</summary>
    public void AtEnd(string command) => Write("at-end " + command);

    /// <summary>Has all of it taken away, and waits for that.</summary>
    public async ValueTask DisposeAsync()
    {
        _shell.StandardInput.Close();
        await _shell.WaitForExitAsync();
        _shell.Dispose();
    }

    private void Write(string line)
    {
        lock (_gate)
        {
            _shell.StandardInput.WriteLine(line);
            _shell.StandardInput.Flush();
        }
    }
}
