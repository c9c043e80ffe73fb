namespace Stoa.Node.Mail;

/// <summary>One e-mail, as plain text.</summary>
/// <param name="To">The address of whom it is for.</param>
/// <param name="Subject">One line.</param>
/// <param name="Text">Lines end with a line feed.</param>
public sealed record Letter(string To, string Subject, string Text)
{
    /// <summary>What it is called in its Message-ID, the same whenever it is sent again; null for a name of its own each time.</summary>
    public string? Id { get; init; }
}
