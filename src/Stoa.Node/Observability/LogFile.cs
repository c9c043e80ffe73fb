using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Stoa.Node.Observability;

/// <summary>Writes log lines for people to the end of a file. A line is written whole, and handed to the operating system at once.</summary>
/// <remarks>Nobody who logs hears of a disk that is full: the lines that it does not take are counted, and told of once it does again.</remarks>
internal sealed class LogFile : ILoggerProvider
{
    private readonly ConcurrentDictionary<string, FileLogger> _loggers = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly FileStream _file;
    private readonly TimeProvider _time;
    private long _lost;

    /// <exception cref="IOException">The file cannot be written.</exception>
    public LogFile(string path, TimeProvider time)
    {
        _time = time;
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        _file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
    }

    public ILogger CreateLogger(string categoryName) =>
        _loggers.GetOrAdd(categoryName, static (category, file) => new FileLogger(file, category), this);

    public void Dispose()
    {
        lock (_gate)
            _file.Dispose();
    }

    private void Write(LogLevel level, string category, string message, Exception? exception)
    {
        lock (_gate)
        {
            try
            {
                if (_lost > 0)
                    WriteLine(LogLevel.Warning, typeof(LogFile).FullName!, $"{_lost} messages are missing here: they could not be written.", null);
                _lost = 0;
                WriteLine(level, category, message, exception);
            }
            catch (IOException)
            {
                _lost++;
            }
        }
    }

    private void WriteLine(LogLevel level, string category, string message, Exception? exception)
    {
        var line = string.Create(
            CultureInfo.InvariantCulture, $"{_time.GetUtcNow().UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fff'Z'} {level} {category} {message.ReplaceLineEndings(" ")}\n");
        _file.Write(Encoding.UTF8.GetBytes(exception is null ? line : $"{line}{exception}\n"));
    }

    private sealed class FileLogger(LogFile file, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                file.Write(logLevel, category, formatter(state, exception), exception);
        }
    }
}
