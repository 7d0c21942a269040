/// The answers of several loops to one question, until all are there. It lives on the loop that
/// asked.
final class AnswerGathering<Answer> {
  private var answers: [Answer?]
  private var missing: Int
  private var action: (([Answer]) -> Void)?

  /// - Parameters:
  ///   - count: how many are asked.
  ///   - action: gets all answers, in the order of those that were asked.
  init(_ count: Int, then action: @escaping ([Answer]) -> Void) {
    answers = Array(repeating: nil, count: count)
    missing = count
    self.action = action
  }

  /// Takes the answer of one, once.
  func put(_ answer: Answer, at index: Int) {
    precondition(answers[index] == nil, "BUG: a question is answered twice")
    answers[index] = answer
    missing -= 1
    guard missing == 0, let action else { return }
    // What it holds is given back on the loop that asked.
    self.action = nil
    action(answers.compactMap(\.self))
  }
}
