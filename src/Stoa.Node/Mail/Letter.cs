namespace Stoa.Node.Mail;

/// <summary>One e-mail, as plain text.</summary>
/// <param name="To">The address of whom it is for.</param>
/// <param name="Subject">One line.</param>
/// <param name="Text">Lines end with a line feed.</param>
public sealed record Letter(string To, string Subject, string Text);
