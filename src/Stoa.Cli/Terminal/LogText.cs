using System.Text;

namespace Stoa.Cli.Terminal;

/// <summary>Makes a log that comes by pieces harmless for a terminal: what could steer it is shown as U+FFFD, and every end of a line is a newline.</summary>
internal sealed class LogText
{
    private bool _isAfterReturn;

    /// <summary>Whether what was given so far ends within a line.</summary>
    public bool IsInLine { get; private set; }

    /// <summary>The next piece. A carriage return at its end is given with the next one, when it is known what follows it.</summary>
    public string Clean(string piece)
    {
        var text = new StringBuilder(piece.Length + 1);
        foreach (var character in piece)
        {
            // Alone it would let the agent write over the line before.
            if (_isAfterReturn && character != '\n')
                text.Append('\n');
            _isAfterReturn = character == '\r';
            if (!_isAfterReturn)
                text.Append(character);
        }

        if (text.Length > 0)
            IsInLine = text[^1] != '\n';
        return Format.Clean(text.ToString());
    }

    /// <summary>What is missing at the end of an attempt's log: the end of its last line, if it has none.</summary>
    public string End()
    {
        var end = IsInLine || _isAfterReturn ? "\n" : "";
        (IsInLine, _isAfterReturn) = (false, false);
        return end;
    }
}
